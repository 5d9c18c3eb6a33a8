#include "comm/all_reduce_forms.hpp"

#include <algorithm>
#include <array>

namespace moe {
namespace {

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
/// The largest matrix that the engine's own kernels take.
constexpr std::int64_t kEngineLargest = 16 * kMiB;

/// Up to which bytes the engine pushes; above, it pulls in two shots. By ranks, from 2 to 8.
struct PushUpTo {
    std::int64_t captured, eager;
};
constexpr std::array<PushUpTo, 7> kEnginePush{{{16 * kMiB, 16 * kMiB},
                                               {1280 * kKiB, 3 * kMiB},
                                               {384 * kKiB, 896 * kKiB},
                                               {192 * kKiB, 384 * kKiB},
                                               {128 * kKiB, 192 * kKiB},
                                               {128 * kKiB, 128 * kKiB},
                                               {128 * kKiB, 128 * kKiB}}};

std::size_t memory_bytes(AllReduceForm form, std::size_t bytes, int ranks) {
    if (bytes == 0) return 0;
    if (form == AllReduceForm::push) return PushInbox::bytes_for(ranks, bytes);
    if (form == AllReduceForm::two_shot) return PeerKernels::two_shot_part_bytes(ranks, bytes);
    return 0;
}

}  // namespace

std::string_view to_string(AllReduceForm form) {
    constexpr std::array<std::string_view, 4> kNames{"library", "push", "one_shot", "two_shot"};
    return kNames.at(static_cast<std::size_t>(form));
}

AllReduce::AllReduce(Communicator& world, AllReduceForm form, std::size_t bytes)
    : world_(world), form_(form), slot_bytes_(PushInbox::slot_for(bytes)) {
    const auto own = memory_bytes(form, bytes, world.size());
    if (own > 0) memory_ = world.make_peer_memory(own, Reach::load_store);
}

void AllReduce::run(const Matrix& in, PeerMemory* memory, const Matrix& out, Stream& stream) {
    if (in.elements() == 0) return;  // on all ranks alike
    switch (form_) {
        case AllReduceForm::library:
            world_.all_reduce(in, out, stream);
            return;
        case AllReduceForm::push:
            world_.peer_kernels()->all_reduce_push({memory_->table(), slot_bytes_}, in, out,
                                                   stream);
            return;
        case AllReduceForm::one_shot:
            world_.peer_kernels()->all_reduce_one_shot(memory->table(), out, stream);
            return;
        case AllReduceForm::two_shot:
            world_.peer_kernels()->all_reduce_two_shot(memory->table(), memory_->table(), out,
                                                       stream);
            return;
    }
}

std::optional<Reach> AllReduce::reach(AllReduceForm form) {
    if (form == AllReduceForm::one_shot || form == AllReduceForm::two_shot) {
        return Reach::load_store;
    }
    return std::nullopt;
}

std::string AllReduce::obstacle(const Communicator& world, AllReduceForm form) {
    if (form == AllReduceForm::library) return {};
    return world.peer_obstacle(Reach::load_store);
}

Cost AllReduce::cost(AllReduceForm form, std::int64_t bytes, int ranks) {
    if (form == AllReduceForm::library) return ring_all_reduce(bytes, ranks);
    if (bytes == 0) return {};
    Cost cost{.launches = 1,
              .workspace_bytes = memory_bytes(form, static_cast<std::size_t>(bytes), ranks)};
    const auto others = std::int64_t{ranks} - 1;
    if (form == AllReduceForm::push) {
        // What others write is read once; emptying its place stays in the cache.
        cost.link_bytes = others * bytes;
        cost.memory_bytes = (2 * others + 2) * bytes;
        cost.barriers = 1;
    } else if (form == AllReduceForm::one_shot) {
        // Every rank's matrix is read by all.
        cost.link_bytes = others * bytes;
        cost.memory_bytes = (others + 2) * bytes;
        cost.barriers = 2;
    } else {
        // A matrix is read once, by the owners of its parts; the sum of a part by all.
        const auto vectors =
            PeerKernels::two_shot_part_bytes(ranks, static_cast<std::size_t>(bytes));
        const auto part = std::min(static_cast<std::int64_t>(vectors), bytes);
        cost.link_bytes = bytes + (others - 1) * part;
        cost.memory_bytes = 2 * bytes + (others + 2) * part;
        cost.barriers = 2;
    }
    return cost;
}

AllReduceForm engine_all_reduce(int ranks, std::int64_t bytes, bool captured) {
    const auto place = static_cast<std::size_t>(ranks) - 2;  // a single rank is far outside
    if (place >= kEnginePush.size() || bytes > kEngineLargest) return AllReduceForm::library;
    const auto& push = kEnginePush.at(place);
    return bytes <= (captured ? push.captured : push.eager) ? AllReduceForm::push
                                                            : AllReduceForm::two_shot;
}

}  // namespace moe
