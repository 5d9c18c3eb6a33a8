// Kernels over peer memory on every backend: bursts of random kernels, types and sizes on shared
// memory, enqueued without a wait, with ranks that are late on their devices; every result bit for
// bit. A burst is captured where the device can, and replayed with other inputs an odd number of
// times, so that eager calls and replays take turns on one set of epochs.
#include "kernels/runtime/peer_kernels.hpp"
#include "comm/communicator.hpp"
#include "tests/backends.hpp"
#include "tests/full_tests.hpp"
#include "tests/given_norm.hpp"
#include "tests/most_rows.hpp"
#include "tests/peer_steps.hpp"
#include "tests/peer_values.hpp"
#include "tests/result_guard.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace moe {
namespace {

const std::size_t kSlotBytes = PushInbox::slot_for(kMostBytes);

/// Of an inbox in which any push_sum of these steps finds room.
std::size_t half_bytes(const Communicator& world) {
    const auto ranks = static_cast<std::size_t>(world.size());
    return (ranks + 1) * PushInbox::slot_for(kMostBytes + ranks * PushPlan::kVector);
}
constexpr int kSteps = 7;  ///< odd, so that a replay begins with the other half of an inbox

class Burst {
public:
    /// The memory that bursts share: what kernels leave in one is there in the next.
    struct Memory {
        Memory(Device& device, Communicator& world)
            : in(world.make_peer_memory(kMostBytes, Reach::load_store)),
              inbox(world.make_peer_memory(PushInbox::bytes_for(world.size(), kMostBytes),
                                           Reach::load_store)),
              owners_inbox(world.make_peer_memory(2 * half_bytes(world), Reach::load_store)),
              parts(world.make_peer_memory(
                  PeerKernels::two_shot_part_bytes(world.size(), kMostBytes), Reach::load_store)),
              staged(device.allocate(kSteps * kMostBytes)),
              results(device.allocate(kSteps * (kMostBytes + kGuard))) {}
        UniquePeerMemory in, inbox, owners_inbox, parts;
        Buffer staged, results;
        /// On the host: what goes to the device or comes from it, and what should have come.
        std::vector<std::byte> copied = std::vector<std::byte>(kMostBytes + kGuard);
        std::vector<std::byte> wanted = std::vector<std::byte>(kMostBytes);
    };

    Burst(Backend& backend, Memory& memory, std::uint64_t seed)
        : device_(*backend.device), world_(*backend.world), memory_(memory), seed_(seed) {
        Steps steps(world_.size(), seed);
        for (int i = 0; i < kSteps; ++i) steps_.push_back(steps.next());
        for (std::size_t i = 0; i < kSteps; ++i) {
            if (takes_norm(steps_[i])) norms_[i].emplace(device_, own_result(i));
        }
    }

    /// Uploads what this rank brings, and poisons all results.
    void fill(std::uint64_t replay, Stream& stream) {
        replay_ = replay;
        for (std::size_t i = 0; i < kSteps; ++i) {
            const auto& step = steps_[i];
            if (norms_[i]) norms_[i]->poison(step.poison, stream);
            const auto brought = std::span(memory_.copied).first(step.shape.bytes());
            values(step).write(me(), 0, brought);
            upload(brought, staged(i));
            const auto before = std::span(memory_.copied).first(result_bytes(step) + kGuard);
            poison_guarded(before, step.poison);
            upload(before, result(i));
        }
        stream.synchronize();
    }

    void enqueue(Stream& stream) {
        for (std::size_t i = 0; i < kSteps; ++i) run(i, stream);
    }

    /// What is wrong first; empty where nothing is.
    [[nodiscard]] std::string check(Stream& stream) {
        for (std::size_t i = 0; i < kSteps; ++i) {
            auto wrong = check(i);
            if (!wrong.empty()) return wrong;
            if (norms_[i]) wrong = norms_[i]->wrong(stream);
            if (!wrong.empty()) return describe(i, wrong);
        }
        return {};
    }

private:
    void run(std::size_t i, Stream& stream) {
        const auto& step = steps_[i];
        auto& kernels = *world_.peer_kernels();
        if (step.late_seconds > 0 && step.late == me()) device_.delay(step.late_seconds, stream);
        const auto from = staged(i);
        const auto to = result(i);
        const Matrix in{memory_.in->data(), step.shape.rows, step.shape.cols, step.shape.dtype};
        const auto* norm = norms_[i] ? &norms_[i]->operands() : nullptr;
        const OwnRows own{.rows = own_result(i),
                          .offset = static_cast<std::size_t>(first(step)) * step.shape.row_bytes(),
                          .most_rows = most_rows_of(step.first),
                          .norm = norm};
        switch (step.kernel) {
            case Kernel::push:
                if (in.rows > 0) kernels.all_reduce_push(inbox(), from, to, stream);
                return;
            case Kernel::push_in_place:
                device_.copy(from, to, stream);
                kernels.all_reduce_push(inbox(), to, to, stream);
                return;
            case Kernel::one_shot:
                device_.copy(from, in, stream);
                kernels.all_reduce_one_shot(memory_.in->table(), to, stream);
                return;
            case Kernel::two_shot:
                device_.copy(from, in, stream);
                kernels.all_reduce_two_shot(memory_.in->table(), memory_.parts->table(), to,
                                            stream);
                return;
            case Kernel::pull_sum:
                device_.copy(from, in, stream);
                kernels.pull_sum(memory_.in->table(), own, stream);
                return;
            case Kernel::push_sum:
            case Kernel::push_sum_balanced: {
                const auto shape =
                    step.kernel == Kernel::push_sum ? PushShape::direct : PushShape::balanced;
                const PushPlan plan(shape, step.first, step.shape.row_bytes());
                const std::vector halves(static_cast<std::size_t>(world_.size()),
                                         half_bytes(world_));
                if (in.rows == 0) return;
                kernels.push_sum(
                    memory_.owners_inbox->table(),
                    {.in = from, .plan = plan, .half_bytes = halves, .out = own.rows, .norm = norm},
                    stream);
                return;
            }
            case Kernel::push_copy: {
                auto mine = own;
                mine.rows = from.slice(first(step), owned(step));
                kernels.push_copy(memory_.in->table(), mine, stream);
                device_.copy(in, to, stream);
                return;
            }
        }
    }

    [[nodiscard]] std::string check(std::size_t i) {
        const auto& step = steps_[i];
        const auto bytes = result_bytes(step);
        const auto all = std::span(memory_.copied).first(bytes + kGuard);
        device_.download(result(i).data, all.data(), all.size());
        if (!guard_is_whole(all)) return describe(i, "wrote behind its result");
        const auto got = all.first(bytes);
        const auto want = std::span(memory_.wanted).first(bytes);
        write_wanted(step, want);
        const auto wrong = first_difference(step.shape.dtype, got, want);
        if (!wrong) return {};
        return describe(
            i, fmt::format("element {} is {}, not {}", wrong->element, wrong->is, wrong->want));
    }

    void write_wanted(const Step& step, std::span<std::byte> to) const {
        const auto cols = step.shape.cols;
        if (step.kernel != Kernel::push_copy) {
            const auto start = of_owners(step.kernel) ? first(step) * cols : 0;
            values(step).write_sums(world_.size(), start, to);
            return;
        }
        const auto row_bytes = step.shape.row_bytes();
        for (int owner = 0; owner < world_.size(); ++owner) {
            const auto begin = step.first[static_cast<std::size_t>(owner)];
            const auto rows = step.first[static_cast<std::size_t>(owner) + 1] - begin;
            const auto theirs = to.subspan(static_cast<std::size_t>(begin) * row_bytes,
                                           static_cast<std::size_t>(rows) * row_bytes);
            values(step).write(owner, begin * cols, theirs);
        }
    }
    [[nodiscard]] std::string describe(std::size_t i, const std::string& what) const {
        const auto& step = steps_[i];
        return fmt::format(
            "rank {} of {}, burst {}, replay {}, step {} (kernel {}, {} x {} {}): {}", me(),
            world_.size(), seed_, replay_, i, static_cast<int>(step.kernel), step.shape.rows,
            step.shape.cols, to_string(step.shape.dtype), what);
    }

    [[nodiscard]] PeerValues values(const Step& step) const {
        return {step.shape.dtype, step.seed, replay_};
    }
    void upload(std::span<const std::byte> from, const Matrix& to) {
        if (!from.empty()) device_.upload(from.data(), to.data, from.size());
    }
    [[nodiscard]] int me() const { return world_.rank(); }
    [[nodiscard]] std::int64_t first(const Step& step) const {
        return step.first[static_cast<std::size_t>(me())];
    }
    [[nodiscard]] std::int64_t owned(const Step& step) const {
        return step.first[static_cast<std::size_t>(me()) + 1] - first(step);
    }
    /// Whether the step asks for a norm, and its pass takes one.
    [[nodiscard]] bool takes_norm(const Step& step) {
        const auto pass =
            step.kernel == Kernel::pull_sum ? OwnersPass::pull_sum : OwnersPass::push_sum;
        return step.norm && world_.peer_kernels()->can_norm(pass, step.shape.row_bytes(),
                                                            most_rows_of(step.first));
    }
    [[nodiscard]] std::size_t result_bytes(const Step& step) const {
        const auto rows = of_owners(step.kernel) ? owned(step) : step.shape.rows;
        return static_cast<std::size_t>(rows) * step.shape.row_bytes();
    }
    [[nodiscard]] PushInbox inbox() const { return {memory_.inbox->table(), kSlotBytes}; }
    [[nodiscard]] Matrix at(const Buffer& buffer, std::size_t offset, const Step& step) const {
        return {buffer.data() + offset, step.shape.rows, step.shape.cols, step.shape.dtype};
    }
    [[nodiscard]] Matrix staged(std::size_t i) const {
        return at(memory_.staged, i * kMostBytes, steps_[i]);
    }
    [[nodiscard]] Matrix result(std::size_t i) const {
        return at(memory_.results, i * (kMostBytes + kGuard), steps_[i]);
    }
    [[nodiscard]] Matrix own_result(std::size_t i) const {
        return result(i).slice(0, owned(steps_[i]));
    }

    Device& device_;
    Communicator& world_;
    Memory& memory_;
    std::uint64_t seed_;
    std::uint64_t replay_{};
    std::vector<Step> steps_;
    std::array<std::optional<GivenNorm>, kSteps> norms_;
};

TEST(PeerKernels, BurstsAreRightBitForBit) {
    const std::uint64_t bursts = stress_bursts(24, 400);
    constexpr std::uint64_t kReplays = 3;
    for (auto& backend : OpenBackends::opened()) {
        auto& device = *backend.device;
        auto& world = *backend.world;
        const auto obstacle = world.peer_obstacle(Reach::load_store);
        if (!obstacle.empty()) {
            fmt::print("skipped: {}: {}\n", backend.name, obstacle);
            continue;
        }
        Burst::Memory memory(device, world);
        const auto stream = device.make_stream();
        for (std::uint64_t seed = 0; seed < bursts; ++seed) {
            Burst burst(backend, memory, seed);
            burst.fill(0, *stream);
            burst.enqueue(*stream);
            stream->synchronize();
            EXPECT_EQ(burst.check(*stream), "") << backend.name;
            if (!device.capture_obstacle().empty()) continue;
            const auto graph = stream->capture([&] { burst.enqueue(*stream); });
            for (std::uint64_t replay = 1; replay <= kReplays; ++replay) {
                burst.fill(replay, *stream);
                graph->launch(*stream);
                stream->synchronize();
                EXPECT_EQ(burst.check(*stream), "") << backend.name;
            }
            const auto failure = backend.failure ? backend.failure() : std::string();
            EXPECT_EQ(failure, "") << backend.name;
        }
    }
}

/// Bytes that ranks want may differ, and one without room is heard of by all.
TEST(PeerMemory, IsOutOfMemoryOnAllRanksWhereOneHasNoRoom) {
    for (auto& backend : OpenBackends::opened()) {
        auto& world = *backend.world;
        if (!world.peer_obstacle(Reach::load_store).empty()) continue;
        const bool last = world.rank() == world.size() - 1;
        EXPECT_THROW(static_cast<void>(world.make_peer_memory(last ? std::size_t{1} << 50U : 4096,
                                                              Reach::load_store)),
                     OutOfMemory)
            << backend.name;
        const auto memory = world.make_peer_memory(1000 * static_cast<std::size_t>(world.rank()),
                                                   Reach::load_store);
        EXPECT_EQ(memory->bytes(), 1000 * static_cast<std::size_t>(world.rank()));
        EXPECT_EQ(memory->table().ranks(), world.size());
    }
}

}  // namespace
}  // namespace moe
