// The local combine and the push, or the pull, in one kernel, on every backend: calls of random
// sizes, owners and routings on one inbox, or one memory, enqueued without a wait, with a rank that
// is late on its device. Where the device can, a burst is captured and replayed an odd number of
// times, with another routing each time, which lies in device memory. Small whole numbers, so that
// every sum is exact.
#include "comm/combine/weighted_layout.hpp"
#include "tests/backends.hpp"
#include "tests/full_tests.hpp"
#include "tests/given_norm.hpp"
#include "tests/most_rows.hpp"
#include "tests/peer_values.hpp"
#include "tests/result_guard.hpp"
#include "tests/weighted_values.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace moe {
namespace {

constexpr std::int64_t kMostRows = 96;
constexpr std::int64_t kMostCols = 4096;
constexpr int kCalls = 5;  ///< odd, so that a replay begins with the other half of an inbox

/// Bytes of half an inbox in which any of these calls finds room.
std::size_t half_bytes(int ranks) {
    const auto row = PushWeightedSum::inbox_row_bytes(kMostCols * sizeof(float));
    return (static_cast<std::size_t>(ranks) + 1) * (kMostRows * row + PushPlan::kVector) + 64;
}

/// One call, the same on all ranks, but for what each has for it.
struct Call {
    DType dtype{};
    std::int64_t cols{};
    std::vector<std::int64_t> first{0};
    PushShape shape{};
    int late{};   ///< this rank is late, below 0: nobody
    bool norm{};  ///< ends the pass, where it takes one
    std::uint64_t seed{};
};

Call random_call(int ranks, std::mt19937_64& random) {
    const auto below = [&](std::uint64_t end) { return random() % end; };
    Call call;
    call.dtype = dtypes()[below(dtypes().size())].dtype;
    call.cols = std::array<std::int64_t, 6>{1, 5, 264, 520, 2880, kMostCols}[below(6)];
    const auto chosen = static_cast<int>(below(static_cast<std::uint64_t>(ranks)));
    const auto kind = below(4);
    for (int rank = 0; rank < ranks; ++rank) {
        const auto some = static_cast<std::int64_t>(below(kMostRows / 8));
        const auto rows = kind == 0 ? (rank == chosen ? kMostRows : 0) : kind == 1 ? 4 : some;
        call.first.push_back(std::min(call.first.back() + rows, kMostRows));
    }
    call.shape = below(2) == 0 ? PushShape::balanced : PushShape::direct;
    call.late = below(3) == 0 ? chosen : -1;
    call.norm = below(2) == 0;
    call.seed = random();
    return call;
}

/// How weighted rows come to their owners.
enum class Way : std::uint8_t { push, pull };

WeightedLayout layout_of(std::int64_t rows, std::int64_t cols, DType dtype) {
    return {rows, rows * WeightedValues::kMostEntries, cols, dtype};
}
/// Bytes in which the weighted rows of any call find room.
std::size_t most_bytes() {
    return layout_of(kMostRows, kMostCols, DType::f32).bytes();
}

/// What one rank has for one call, from some place of a memory on.
class Given {
public:
    Given(Backend& backend, const Call& call, PeerMemory& memory, std::size_t place)
        : device_(*backend.device),
          call_(call),
          rank_(backend.world->rank()),
          plan_(call.shape, call.first,
                PushWeightedSum::inbox_row_bytes(static_cast<std::size_t>(call.cols) *
                                                 size_of(call.dtype))),
          halves_(static_cast<std::size_t>(backend.world->size()),
                  half_bytes(backend.world->size())),
          given_(layout_of(call.first.back(), call.cols,
                           backend.layer_kernels->compute_dtype(call.dtype))
                     .at(memory.data() + place, &memory)),
          buffer_(device_.allocate(
              static_cast<std::size_t>(own_rows() * call.cols) * size_of(call.dtype) + kGuard)),
          out_(buffer_.matrix(own_rows(), call.cols, call.dtype)) {
        if (call.norm) norm_.emplace(device_, out_);
    }

    /// Another routing and other values, and a poisoned result. `weight`: of every entry.
    void fill(std::uint64_t replay, Stream& stream, float weight = 1) {
        replay_ = replay;
        const auto routing = values().routing(rank_);
        upload(given_.weights.offsets, routing.offsets);
        upload(given_.weights.indices, routing.indices);
        upload(given_.weights.weights, std::vector<float>(routing.indices.size(), weight));
        std::vector<std::byte> dense(given_.rows.bytes());
        values().write_dense(given_.rows.dtype, rank_, dense);
        upload(given_.rows.data, dense);
        const std::byte poison{replay % 2 == 0 ? std::uint8_t{0xff} : std::uint8_t{0}};
        std::vector<std::byte> before(buffer_.bytes());
        poison_guarded(before, poison);
        upload(out_.data, before);
        if (norm_) norm_->poison(poison, stream);
        stream.synchronize();
    }

    void enqueue(Way way, const PeerMemory& inbox, PeerKernels& kernels, Stream& stream) {
        if (rows() == 0) return;
        if (call_.late == rank_) device_.delay(100e-6, stream);
        const auto pass =
            way == Way::push ? OwnersPass::push_weighted_sum : OwnersPass::pull_weighted_sum;
        normed_ = norm_ && kernels.can_norm(pass, out_.row_bytes(), most_rows_of(call_.first));
        const auto* norm = normed_ ? &norm_->operands() : nullptr;
        if (way == Way::push) {
            kernels.push_weighted_sum(inbox.table(),
                                      {.rows = given_.weights,
                                       .dense = given_.rows,
                                       .plan = plan_,
                                       .half_bytes = halves_,
                                       .out = out_,
                                       .norm = norm},
                                      stream);
            return;
        }
        kernels.pull_weighted_sum(given_.memory->table(),
                                  {.rows = given_.weights,
                                   .dense = given_.rows,
                                   .first = first(),
                                   .out = out_,
                                   .most_rows = most_rows_of(call_.first),
                                   .norm = norm},
                                  stream);
    }

    /// With the guard behind it.
    [[nodiscard]] std::vector<std::byte> result() const {
        std::vector<std::byte> bytes(buffer_.bytes());
        device_.download(out_.data, bytes.data(), bytes.size());
        return bytes;
    }
    /// What is wrong first; empty where nothing is.
    [[nodiscard]] std::string wrong(Stream& stream) {
        if (normed_) {
            auto text = norm_->wrong(stream);
            if (!text.empty()) return text;
        }
        const auto all = result();
        if (!guard_is_whole(all)) return "wrote behind its result";
        const auto got = std::span(all).first(out_.bytes());
        std::vector<std::byte> want(got.size());
        values().write_sums(call_.dtype, plan_.ranks(), first(), want);
        const auto wrong = first_difference(call_.dtype, got, want);
        if (!wrong) return {};
        const auto cols = static_cast<std::size_t>(call_.cols);
        return fmt::format("row {} of {}, column {} of {} {}, {}: {} and not {}",
                           wrong->element / cols, own_rows(), wrong->element % cols, cols,
                           to_string(call_.dtype), to_string(call_.shape), wrong->is, wrong->want);
    }

private:
    [[nodiscard]] WeightedValues values() const {
        return {call_.seed + replay_, rows(), call_.cols};
    }
    template <class T>
    void upload(T* to, const std::vector<T>& values) {
        if (values.empty()) return;
        device_.upload(reinterpret_cast<const std::byte*>(values.data()),
                       reinterpret_cast<std::byte*>(to), values.size() * sizeof(T));
    }
    [[nodiscard]] std::int64_t rows() const { return call_.first.back(); }
    [[nodiscard]] std::int64_t first() const {
        return call_.first[static_cast<std::size_t>(rank_)];
    }
    [[nodiscard]] std::int64_t own_rows() const {
        return call_.first[static_cast<std::size_t>(rank_) + 1] - first();
    }

    Device& device_;
    Call call_;
    int rank_;
    PushPlan plan_;
    std::vector<std::size_t> halves_;
    std::uint64_t replay_{};
    CombineInput given_;
    Buffer buffer_;
    Matrix out_;
    std::optional<GivenNorm> norm_;
    bool normed_{};  ///< by the last call
};

class PeerWeightedSum : public testing::TestWithParam<Way> {};

TEST_P(PeerWeightedSum, IsRightInBurstsAndReplaysOfAnyRouting) {
    const std::uint64_t bursts = stress_bursts(8, 200);
    constexpr std::uint64_t kReplays = 3;
    for (auto& backend : OpenBackends::opened()) {
        auto& world = *backend.world;
        const auto obstacle = world.peer_obstacle(Reach::load_store);
        if (!obstacle.empty()) {
            fmt::print("skipped: {}: {}\n", backend.name, obstacle);
            continue;
        }
        const auto inbox = world.make_peer_memory(2 * half_bytes(world.size()), Reach::load_store);
        const auto memory = world.make_peer_memory(kCalls * most_bytes(), Reach::load_store);
        const auto stream = backend.device->make_stream();
        for (std::uint64_t seed = 0; seed < bursts; ++seed) {
            std::mt19937_64 random(seed);
            std::vector<Given> given;
            for (std::size_t i = 0; i < kCalls; ++i) {
                given.emplace_back(backend, random_call(world.size(), random), *memory,
                                   i * most_bytes());
            }
            const auto enqueue = [&] {
                for (auto& one : given) {
                    one.enqueue(GetParam(), *inbox, *world.peer_kernels(), *stream);
                }
            };
            const auto check = [&](std::uint64_t replay) {
                for (std::size_t i = 0; i < given.size(); ++i) {
                    EXPECT_EQ(given[i].wrong(*stream), "")
                        << backend.name << ", rank " << world.rank() << " of " << world.size()
                        << ", burst " << seed << ", replay " << replay << ", call " << i;
                }
            };
            for (auto& one : given) one.fill(0, *stream);
            enqueue();
            stream->synchronize();
            check(0);
            if (!backend.device->capture_obstacle().empty()) continue;
            const auto graph = stream->capture(enqueue);
            for (std::uint64_t replay = 1; replay <= kReplays; ++replay) {
                for (auto& one : given) one.fill(replay, *stream);
                graph->launch(*stream);
                stream->synchronize();
                check(replay);
            }
        }
    }
}

TEST(PeerWeightedSums, HaveTheSameBitsByPushAndPull) {
    constexpr float kRough = 1.0F / 3;  // partial sums that are rounded, and sums of them
    for (auto& backend : OpenBackends::opened()) {
        auto& world = *backend.world;
        if (!world.peer_obstacle(Reach::load_store).empty()) continue;
        const auto inbox = world.make_peer_memory(2 * half_bytes(world.size()), Reach::load_store);
        const auto memory = world.make_peer_memory(most_bytes(), Reach::load_store);
        const auto stream = backend.device->make_stream();
        for (std::uint64_t seed = 0; seed < 2 * std::uint64_t{kCalls}; ++seed) {
            std::mt19937_64 random(seed);
            Given given(backend, random_call(world.size(), random), *memory, 0);
            const auto run = [&](Way way) {
                given.fill(seed % 2, *stream, kRough);
                given.enqueue(way, *inbox, *world.peer_kernels(), *stream);
                stream->synchronize();
                return given.result();
            };
            EXPECT_EQ(run(Way::push), run(Way::pull)) << backend.name << ", call " << seed;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(All, PeerWeightedSum, testing::Values(Way::push, Way::pull),
                         [](const auto& way) { return way.param == Way::push ? "push" : "pull"; });

}  // namespace
}  // namespace moe
