// Fused pushes and pulls whose owners have unlike numbers of rows, on as many ranks as a table can
// have: large and small calls in turns on the same memory, so that rings and registers follow each
// other, and ranks of few rows run ahead of those of many.
#include "kernels/cuda/peer.hpp"
#include "kernels/cuda/peer_kernels.hpp"
#include "kernels/host/host_device.hpp"
#include "tests/most_rows.hpp"
#include "tests/peer_values.hpp"
#include "tests/shared_blocks.hpp"
#include "tests/simt/simt.hpp"
#include "tests/weighted_values.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace moe {
namespace {

/// Rows of each rank.
using Owned = std::vector<std::int64_t>;

constexpr std::int64_t kCols = 512;     ///< of f32: one slice of a row
constexpr std::int64_t kAllRows = 128;  ///< of all ranks, at most

std::size_t inbox_row_bytes() {
    return PushWeightedSum::inbox_row_bytes(kCols * sizeof(float));
}
/// Of half an inbox in which a call of any size finds room.
std::size_t half_of_inbox(int ranks) {
    return half_bytes(ranks, kAllRows * inbox_row_bytes());
}

/// Ranks, blocks that their kernels may count on, and those that find room at once.
struct Gpu {
    int ranks, blocks;
    unsigned resident;
    std::vector<Owned> calls;
    bool torn{};  ///< offsets of one rank
};

WeightedValues values_of(std::int64_t rows) {
    return {static_cast<std::uint64_t>(rows), rows, kCols};
}

/// What one rank reads and owns in calls of any of the sizes.
class Rank {
public:
    Rank(PeerTable inbox, PeerTable rows, PeerKernels& kernels)
        : inbox_(inbox), table_(rows), kernels_(kernels), block_(rows.data[me()]) {}

    static constexpr std::int64_t kMostEntries = WeightedValues::kMostEntries * kAllRows;
    static constexpr std::size_t kDense = kMostEntries * kCols * sizeof(float);
    static constexpr std::size_t kWords = (kMostEntries + 16) * sizeof(std::int32_t);
    static constexpr std::size_t kBytes = kDense + 3 * kWords;

    /// Its entries of one row end before they begin from now on, as where offsets were overwritten.
    void tear() { torn_ = true; }

    /// By push and by pull; empty, or what was wrong.
    std::string call(const Owned& owned) {
        std::vector<std::int64_t> first{0};
        for (const auto rows : owned) first.push_back(first.back() + rows);
        write(first.back());
        auto wrong = check("push", first, [&](const Matrix& out) { push(first, out); });
        return wrong += check("pull", first, [&](const Matrix& out) {
                   kernels_.pull_weighted_sum(table_,
                                              {.rows = rows_,
                                               .dense = dense_,
                                               .first = first[me()],
                                               .out = out,
                                               .most_rows = most_rows_of(first)},
                                              *stream_);
               });
    }

private:
    [[nodiscard]] std::size_t me() const { return static_cast<std::size_t>(inbox_.rank); }

    void write(std::int64_t rows) {
        const auto words = [&](std::size_t n) {
            return reinterpret_cast<std::int32_t*>(block_ + kDense + n * kWords);
        };
        rows_ = {rows, words(0), words(1), reinterpret_cast<float*>(words(2))};
        const auto routing = values_of(rows).routing(inbox_.rank);
        std::ranges::copy(routing.offsets, rows_.offsets);
        std::ranges::copy(routing.indices, rows_.indices);
        std::fill_n(rows_.weights, routing.indices.size(), 1.0F);
        if (torn_) {
            std::int64_t row = 0;
            while (!rows_.has_entries(row)) ++row;
            std::swap(rows_.offsets[row], rows_.offsets[row + 1]);
        }
        dense_ = {block_, rows * WeightedValues::kMostEntries, kCols, DType::f32};
        values_of(rows).write_dense(DType::f32, inbox_.rank, {block_, dense_.bytes()});
    }

    void push(const std::vector<std::int64_t>& first, const Matrix& out) {
        const PushPlan plan(PushShape::direct, first, inbox_row_bytes());
        const std::vector halves(inbox_.data.size(), half_of_inbox(inbox_.ranks()));
        kernels_.push_weighted_sum(
            inbox_,
            {.rows = rows_, .dense = dense_, .plan = plan, .half_bytes = halves, .out = out},
            *stream_);
    }

    template <class Run>
    std::string check(const char* what, const std::vector<std::int64_t>& first, Run&& run) {
        const auto own = first[me() + 1] - first[me()];
        std::vector<float> sums(static_cast<std::size_t>(own * kCols), -1);
        std::vector<float> want(sums.size());
        const auto got = std::as_writable_bytes(std::span(sums));
        const auto wanted = std::as_writable_bytes(std::span(want));
        run(Matrix{got.data(), own, kCols, DType::f32});
        values_of(first.back()).write_sums(DType::f32, inbox_.ranks(), first[me()], wanted);
        const auto wrong = first_difference(DType::f32, got, wanted);
        if (!wrong) return {};
        return fmt::format("rank {}: element {} of a {} of {} rows is {}, not {}", me(),
                           wrong->element, what, first.back(), wrong->is, wrong->want);
    }

    PeerTable inbox_, table_;
    PeerKernels& kernels_;
    std::byte* block_;
    bool torn_{};
    WeightedRows rows_{};
    Matrix dense_{};
    std::unique_ptr<Device> device_ = make_host_device();
    std::unique_ptr<Stream> stream_ = device_->make_stream();
};

/// What was wrong, by rank.
std::vector<std::string> run(const Gpu& gpu) {
    constexpr double kPatience = 30;  // seconds
    const auto watch = std::make_shared<const cuda::PeerWatch>(kPatience);
    constexpr SharedBlocks::Words kWords{cuda::kMaxFlagBlocks * cuda::kMaxPeers, cuda::kMaxEpochs};
    const SharedBlocks inbox(gpu.ranks, 2 * half_of_inbox(gpu.ranks), kWords, 0);
    const SharedBlocks rows(gpu.ranks, Rank::kBytes, kWords, 0);
    std::vector<std::string> wrong(static_cast<std::size_t>(gpu.ranks));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < gpu.ranks; ++rank) {
        threads.emplace_back([&, rank] {
            simt::resident_blocks = gpu.resident;
            const auto kernels =
                cuda::make_peer_kernels(watch, {.most = gpu.blocks, .may_queue = false});
            Rank one(inbox.of(rank), rows.of(rank), *kernels);
            if (gpu.torn && rank == 1) one.tear();
            for (const auto& owned : gpu.calls) {
                wrong[static_cast<std::size_t>(rank)] += one.call(owned);
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(watch->failure(), "");
    return wrong;
}

// Many rows come through rings, few through registers.
const Owned kEven(8, 10), kZipf{7, 4, 3, 2, 1, 1, 1, 1};

class UnevenOwners : public testing::TestWithParam<Gpu> {};

TEST_P(UnevenOwners, HaveTheirSumsInCallsOfAnySize) {
    for (const auto& text : run(GetParam())) EXPECT_EQ(text, "");
}

std::string name_of(const testing::TestParamInfo<Gpu>& info) {
    const auto& gpu = info.param;
    return fmt::format("{}Ranks{}Of{}Blocks", gpu.ranks, gpu.resident, gpu.blocks);
}

INSTANTIATE_TEST_SUITE_P(All, UnevenOwners,
                         testing::Values(Gpu{8, 2, 2, {kEven, kZipf, kZipf, kEven, kZipf}},
                                         Gpu{8, 2, 1, {kZipf, kZipf, kEven}}),
                         name_of);

/// In a ring nobody brings what such a row is made of, and an adder would wait for it for ever.
TEST(TornRows, AreCalledWrongAndNotWaitedFor) {
    const auto wrong = run({2, 2, 2, {{10, 10}}, true});
    EXPECT_NE(wrong[0].find("rank 0: element"), std::string::npos) << "it owns the torn row";
}

}  // namespace
}  // namespace moe
