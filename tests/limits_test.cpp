// How fast an exchange can be at best: the bytes that its contract forces, by hand; the arithmetic,
// on made-up speeds; and the speeds of this machine, on 1 to 4 ranks.
#include "bench/measure/limits.hpp"
#include "bench/measure/calibration.hpp"
#include "comm/contract_cost.hpp"
#include "comm/mpi/mpi_bootstrap.hpp"
#include "comm/speeds.hpp"
#include "tests/backends.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace moe {
namespace {

constexpr std::int64_t kRowBytes = 10;

Cost contract(const std::vector<std::int64_t>& rows, int group) {
    return contract_cost(RowPartition(rows), group, kRowBytes);
}

TEST(ContractCost, IsOfTheRankThatNeedsMost) {
    struct Row {
        std::vector<std::int64_t> rows;
        int group;
        std::int64_t sent, in_memory;
    };
    for (const auto& [rows, group, sent, in_memory] : {
             Row{{4}, 1, 0, 4 + 4},                 // one rank: a copy
             Row{{4, 4}, 1, 4, 8 + 4},              // even: the other's rows
             Row{{3, 3, 3}, 1, 6, 9 + 3},           // on three ranks
             Row{{7, 0, 0}, 1, 7, 7 + 7},           // hot: ranks without rows send all
             Row{{0, 4, 2}, 1, 6, 6 + 4},           // idle: it sends all of its sums
             Row{{5, 2, 1}, 1, 7, 8 + 5},           // the smallest owner sends most
             Row{{2, 2, 3, 3}, 2, 10, 10 + 2 * 3},  // pairs: a partner wants the own rows too
             Row{{2, 2}, 2, 4, 4 + 4},              // one group: an all_reduce
             Row{{1, 1, 0, 0}, 2, 2, 2 + 2},        // an idle pair
             Row{{0, 0, 0}, 1, 0, 0},               // no rows
         }) {
        const auto cost = contract(rows, group);
        EXPECT_EQ(cost.link_bytes, sent * kRowBytes) << testing::PrintToString(rows);
        EXPECT_EQ(cost.memory_bytes, in_memory * kRowBytes) << testing::PrintToString(rows);
        EXPECT_EQ(cost.barriers, 0);
    }
}

TEST(ContractCost, IsNoMoreThanARingNeeds) {
    for (const auto& rows : std::vector<std::vector<std::int64_t>>{
             {4, 4}, {7, 0}, {3, 3, 3}, {5, 2, 1}, {0, 4, 2}, {1, 2, 3, 4}, {6}}) {
        const RowPartition owned(rows);
        const auto ring = max_over_ranks(
            owned.ranks(), [&](int rank) { return ring_reduce_scatter_v(owned, kRowBytes, rank); });
        const auto least = contract(rows, 1);
        EXPECT_EQ(least.link_bytes, ring.link_bytes) << "a ring sends what must be sent";
        EXPECT_LE(least.memory_bytes, ring.memory_bytes);
    }
}

TEST(Limit, IsOfWhatTakesLongestAndOfEveryBarrier) {
    const Speeds speeds{.link = 1e9, .memory = 4e9, .barrier = 1e-6};
    EXPECT_DOUBLE_EQ(limit_seconds({.link_bytes = 1000, .memory_bytes = 3000}, speeds), 1e-6);
    EXPECT_DOUBLE_EQ(limit_seconds({.link_bytes = 1000, .memory_bytes = 8000}, speeds), 2e-6);
    EXPECT_DOUBLE_EQ(
        limit_seconds({.link_bytes = 1000, .memory_bytes = 8000, .barriers = 3}, speeds), 5e-6);
    EXPECT_DOUBLE_EQ(limit_seconds({.barriers = 2}, speeds), 2e-6);
    EXPECT_DOUBLE_EQ(limit_seconds({.memory_bytes = 8000}, {.memory = 4e9}), 2e-6)
        << "one rank has no link, and no speed of one";
}

TEST(Limit, IsBeatenByMoreThanATenth) {
    EXPECT_FALSE(exceeds_limit(100, 90));
    EXPECT_FALSE(exceeds_limit(100, 109.9));
    EXPECT_TRUE(exceeds_limit(100, 110.1));
}

class CalibrationTest : public testing::Test {
protected:
    void expect_speed_of_all(double speed) {
        EXPECT_TRUE(std::isfinite(speed));
        EXPECT_GT(speed, 1e3) << "bytes a second";
        EXPECT_LT(speed, 1e13) << "bytes a second";
        EXPECT_EQ(bootstrap_->max(speed), -bootstrap_->max(-speed)) << "ranks disagree";
    }

    std::unique_ptr<Bootstrap> bootstrap_ = make_mpi_bootstrap();
    Backend& backend_ = OpenBackends::opened().front();
    Timeline timeline_{*bootstrap_, true};
    Calibration calibration_{{*backend_.device, *backend_.world, *bootstrap_, timeline_}};
};

TEST_F(CalibrationTest, FindsSpeedsThatAllRanksAgreeOn) {
    // Ranks on GPUs wait for each other inside kernels.
    EXPECT_EQ(calibration_.barrier_seconds() > 0, !backend_.gpus);
    EXPECT_LT(calibration_.barrier_seconds(), 1);
    for (const std::int64_t bytes : {1, 1000, 1'000'003}) {
        for (const auto& traits : dtypes()) {
            expect_speed_of_all(calibration_.memory_bandwidth(bytes, traits.dtype));
        }
        if (bootstrap_->size() > 1) expect_speed_of_all(calibration_.link_bandwidth(bytes));
    }
}

TEST_F(CalibrationTest, MeasuresASizeOnceInACaseAndNoneBeyondTheCaches) {
    const auto kept = [&](std::int64_t bytes) {
        return calibration_.memory_bandwidth(bytes, DType::f32);
    };
    EXPECT_EQ(kept(5000), kept(5000)) << "to the last bit: not measured again";
    const auto cache = static_cast<std::int64_t>(backend_.device->cache_bytes());
    EXPECT_EQ(kept(2 * cache), kept(100 * cache));
    const auto needed = [&](std::int64_t link, std::int64_t matrix) {
        return Calibration::bytes(*backend_.device, *backend_.world, link, matrix);
    };
    EXPECT_EQ(needed(2 * cache, 2 * cache), needed(100 * cache, 100 * cache));
    EXPECT_GE(needed(0, 1'000'000), 1'000'000U);
    EXPECT_LT(needed(0, 1'000'000), 2'010'000U) << "the matrix and a result of its size at most";
    if (bootstrap_->size() > 1) {
        EXPECT_GE(needed(1'000'000, 0), 2'000'000U) << "what is sent and what comes";
    }
}

TEST_F(CalibrationTest, LooksAgainInTheNextCaseAndKeepsTheFastest) {
    if (backend_.gpus) GTEST_SKIP() << "a device has a clock of its own";
    // A clock that runs a hundred times faster makes a machine that is as much slower.
    double pace = 100;
    Timeline timeline(*bootstrap_, true, [&] { return pace * steady_seconds(); });
    Calibration calibration({*backend_.device, *backend_.world, *bootstrap_, timeline});
    const auto look = [&] { return calibration.memory_bandwidth(1 << 20U, DType::bf16); };
    const double busy = look();
    pace = 1;
    EXPECT_EQ(look(), busy) << "the same case";
    calibration.begin_case(false);
    const double quiet = look();
    EXPECT_GT(quiet, busy);
    pace = 100;
    calibration.begin_case(false);
    EXPECT_EQ(look(), quiet) << "what it could do, it can do";
}

TEST_F(CalibrationTest, OfChainsIsOfItsOwn) {
    if (!backend_.device->capture_obstacle().empty()) GTEST_SKIP() << "no graphs here";
    constexpr std::int64_t kBytes = 64 << 10U;
    const auto eager = calibration_.memory_bandwidth(kBytes, DType::bf16);
    calibration_.begin_case(true);
    const auto chained = calibration_.memory_bandwidth(kBytes, DType::bf16);
    EXPECT_GT(chained, 0);
    EXPECT_NE(chained, eager);
    if (bootstrap_->size() > 1) {
        EXPECT_GT(calibration_.link_bandwidth(kBytes), 0);
    }
    calibration_.begin_case(false);
}

TEST_F(CalibrationTest, LimitsGrowWithTheBytesAndKnowBarriers) {
    constexpr std::int64_t kMatrix = 1 << 16U;
    const bool alone = bootstrap_->size() == 1;
    const Cost cost{.link_bytes = alone ? 0 : kMatrix / 2, .memory_bytes = 2 * kMatrix};
    auto more = cost;
    more.memory_bytes *= 1000;
    auto waits = cost;
    waits.barriers = 3;
    const auto limit = [&](const Cost& of) { return calibration_.limit(of, kMatrix, DType::bf16); };
    EXPECT_GT(limit(cost), 0);
    EXPECT_GT(limit(more), limit(cost));
    EXPECT_DOUBLE_EQ(limit(waits), limit(cost) + 3 * calibration_.barrier_seconds());
}

}  // namespace
}  // namespace moe
