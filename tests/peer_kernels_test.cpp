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

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
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
constexpr std::size_t kGuard = 64;  ///< bytes behind a result that nobody may write
constexpr std::byte kGuardByte{0x5a};

/// What rank `rank` brings at an element: mostly small numbers of all signs, fractions among them,
/// now and then -0, infinity, or no number, one of them all ones.
std::uint32_t bits_of(std::uint64_t seed, std::uint64_t replay, int rank, std::int64_t element) {
    auto x = seed + 0x9e3779b97f4a7c15U * (static_cast<std::uint64_t>(element) * 64 +
                                           static_cast<std::uint64_t>(rank) + 17 * replay + 1);
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
    x ^= x >> 31U;
    constexpr std::array<std::uint32_t, 5> kSpecial{0x80000000U, 0x7f800000U, 0xff800000U,
                                                    0x7fc00000U, 0xffffffffU};
    if (x % 61 < kSpecial.size()) return kSpecial[x % 61];
    return std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<int>(x % 2001) - 1000) /
                                        8.0F);
}

/// An element as a rank sends it: all ones stay all ones in every type.
template <class T>
T element(std::uint32_t bits) {
    if (bits == 0xffffffffU) {
        T ones;
        std::fill_n(reinterpret_cast<unsigned char*>(&ones), sizeof ones, 0xffU);
        return ones;
    }
    return static_cast<T>(std::bit_cast<float>(bits));
}

class Burst {
public:
    Burst(Backend& backend, std::uint64_t seed)
        : device_(*backend.device), world_(*backend.world), seed_(seed) {
        Steps steps(world_.size(), seed);
        for (int i = 0; i < kSteps; ++i) steps_.push_back(steps.next());
        staged_ = device_.allocate(kSteps * kMostBytes);
        results_ = device_.allocate(kSteps * (kMostBytes + kGuard));
        for (std::size_t i = 0; i < kSteps; ++i) {
            if (takes_norm(steps_[i])) norms_[i].emplace(device_, own_result(i));
        }
    }

    /// The memory that bursts share: what kernels leave in one is there in the next.
    struct Memory {
        explicit Memory(Communicator& world)
            : in(world.make_peer_memory(kMostBytes, Reach::load_store)),
              inbox(world.make_peer_memory(PushInbox::bytes_for(world.size(), kMostBytes),
                                           Reach::load_store)),
              owners_inbox(world.make_peer_memory(2 * half_bytes(world), Reach::load_store)),
              parts(world.make_peer_memory(
                  PeerKernels::two_shot_part_bytes(world.size(), kMostBytes), Reach::load_store)) {}
        UniquePeerMemory in, inbox, owners_inbox, parts;
    };

    /// Uploads what this rank brings, and poisons all results.
    void fill(std::uint64_t replay, Stream& stream) {
        replay_ = replay;
        for (std::size_t i = 0; i < kSteps; ++i) {
            const auto& step = steps_[i];
            if (norms_[i]) norms_[i]->poison(step.poison, stream);
            std::vector<std::byte> bytes(step.shape.bytes());
            visit_dtype(step.shape.dtype, [&](auto tag) {
                using T = typename decltype(tag)::type;
                auto* to = reinterpret_cast<T*>(bytes.data());
                for (std::int64_t e = 0; e < step.shape.elements(); ++e) {
                    to[e] = element<T>(bits_of(step.seed, replay, me(), e));
                }
            });
            if (!bytes.empty()) device_.upload(bytes.data(), staged(i).data, bytes.size());
            std::vector<std::byte> before(kMostBytes + kGuard, step.poison);
            std::fill_n(before.begin() + static_cast<std::ptrdiff_t>(result_bytes(step)), kGuard,
                        kGuardByte);
            device_.upload(before.data(), result(i).data, before.size());
        }
        stream.synchronize();
    }

    void enqueue(const Memory& memory, Stream& stream) {
        for (std::size_t i = 0; i < kSteps; ++i) run(i, memory, stream);
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
    void run(std::size_t i, const Memory& memory, Stream& stream) {
        const auto& step = steps_[i];
        auto& kernels = *world_.peer_kernels();
        if (step.late_seconds > 0 && step.late == me()) device_.delay(step.late_seconds, stream);
        const auto from = staged(i);
        const auto to = result(i);
        const Matrix in{memory.in->data(), step.shape.rows, step.shape.cols, step.shape.dtype};
        const auto* norm = norms_[i] ? &norms_[i]->operands() : nullptr;
        const OwnRows own{.rows = own_result(i),
                          .offset = static_cast<std::size_t>(first(step)) * step.shape.row_bytes(),
                          .most_rows = most_rows_of(step.first),
                          .norm = norm};
        switch (step.kernel) {
            case Kernel::push:
                if (in.rows > 0) kernels.all_reduce_push(inbox(memory), from, to, stream);
                return;
            case Kernel::push_in_place:
                device_.copy(from, to, stream);
                kernels.all_reduce_push(inbox(memory), to, to, stream);
                return;
            case Kernel::one_shot:
                device_.copy(from, in, stream);
                kernels.all_reduce_one_shot(memory.in->table(), to, stream);
                return;
            case Kernel::two_shot:
                device_.copy(from, in, stream);
                kernels.all_reduce_two_shot(memory.in->table(), memory.parts->table(), to, stream);
                return;
            case Kernel::pull_sum:
                device_.copy(from, in, stream);
                kernels.pull_sum(memory.in->table(), own, stream);
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
                    memory.owners_inbox->table(),
                    {.in = from, .plan = plan, .half_bytes = halves, .out = own.rows, .norm = norm},
                    stream);
                return;
            }
            case Kernel::push_copy: {
                auto mine = own;
                mine.rows = from.slice(first(step), owned(step));
                kernels.push_copy(memory.in->table(), mine, stream);
                device_.copy(in, to, stream);
                return;
            }
        }
    }

    [[nodiscard]] std::string check(std::size_t i) {
        const auto& step = steps_[i];
        const auto bytes = result_bytes(step);
        std::vector<std::byte> got(bytes + kGuard);
        device_.download(result(i).data, got.data(), got.size());
        if (std::any_of(got.begin() + static_cast<std::ptrdiff_t>(bytes), got.end(),
                        [](std::byte one) { return one != kGuardByte; })) {
            return describe(i, "wrote behind its result");
        }
        std::string wrong;
        visit_dtype(step.shape.dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            const auto* result = reinterpret_cast<const T*>(got.data());
            const auto start = of_owners(step.kernel) ? first(step) * step.shape.cols : 0;
            const auto count = static_cast<std::int64_t>(bytes / sizeof(T));
            for (std::int64_t e = 0; e < count && wrong.empty(); ++e) {
                const auto want = wanted<T>(step, start + e);
                if (!same(result[e], want)) {
                    wrong = describe(
                        i, fmt::format("element {} is {}, not {}", e, static_cast<float>(result[e]),
                                       static_cast<float>(want)));
                }
            }
        });
        return wrong;
    }

    template <class T>
    [[nodiscard]] T wanted(const Step& step, std::int64_t e) const {
        const auto of = [&](int rank) { return element<T>(bits_of(step.seed, replay_, rank, e)); };
        if (step.kernel == Kernel::push_copy) {
            int owner = 0;
            while (step.first[static_cast<std::size_t>(owner) + 1] * step.shape.cols <= e) ++owner;
            return of(owner);
        }
        float sum = 0;
        for (int rank = 0; rank < world_.size(); ++rank) sum += static_cast<float>(of(rank));
        return static_cast<T>(sum);
    }
    /// The same bits, or neither a number: which one that is is up to the hardware.
    template <class T>
    [[nodiscard]] static bool same(const T& a, const T& b) {
        const auto is_nan = [](const T& value) { return std::isnan(static_cast<float>(value)); };
        return (is_nan(a) && is_nan(b)) || std::equal(reinterpret_cast<const char*>(&a),
                                                      reinterpret_cast<const char*>(&a) + sizeof a,
                                                      reinterpret_cast<const char*>(&b));
    }
    [[nodiscard]] std::string describe(std::size_t i, const std::string& what) const {
        const auto& step = steps_[i];
        return fmt::format(
            "rank {} of {}, burst {}, replay {}, step {} (kernel {}, {} x {} {}): {}", me(),
            world_.size(), seed_, replay_, i, static_cast<int>(step.kernel), step.shape.rows,
            step.shape.cols, to_string(step.shape.dtype), what);
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
    [[nodiscard]] static PushInbox inbox(const Memory& memory) {
        return {memory.inbox->table(), kSlotBytes};
    }
    [[nodiscard]] Matrix at(const Buffer& buffer, std::size_t offset, const Step& step) const {
        return {buffer.data() + offset, step.shape.rows, step.shape.cols, step.shape.dtype};
    }
    [[nodiscard]] Matrix staged(std::size_t i) const {
        return at(staged_, i * kMostBytes, steps_[i]);
    }
    [[nodiscard]] Matrix result(std::size_t i) const {
        return at(results_, i * (kMostBytes + kGuard), steps_[i]);
    }
    [[nodiscard]] Matrix own_result(std::size_t i) const {
        return result(i).slice(0, owned(steps_[i]));
    }

    Device& device_;
    Communicator& world_;
    std::uint64_t seed_;
    std::uint64_t replay_{};
    std::vector<Step> steps_;
    Buffer staged_, results_;
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
        const Burst::Memory memory(world);
        const auto stream = device.make_stream();
        for (std::uint64_t seed = 0; seed < bursts; ++seed) {
            Burst burst(backend, seed);
            burst.fill(0, *stream);
            burst.enqueue(memory, *stream);
            stream->synchronize();
            EXPECT_EQ(burst.check(*stream), "") << backend.name;
            if (!device.capture_obstacle().empty()) continue;
            const auto graph = stream->capture([&] { burst.enqueue(memory, *stream); });
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
