// Every combine strategy of this build, and one of weighted rows, on every backend of this build,
// against one contract: bit for bit, twice, into poisoned memory, for every way to put the ranks
// into groups and every way to make the input.
#include "comm/combine/owner_combine.hpp"
#include "comm/gather/gather.hpp"
#include "comm/named_table.hpp"
#include "tests/backends.hpp"
#include "tests/layouts.hpp"
#include "tests/strategy_check.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

namespace moe {
namespace {

using Param = std::tuple<const CombineEntry*, Layout, DType, Given>;

class CombineContract : public testing::TestWithParam<Param> {};

TEST_P(CombineContract, GivesEveryRankOfAGroupTheSumOfItsRows) {
    const auto& [entry, layout, dtype, given] = GetParam();
    for (auto& backend : OpenBackends::opened()) {
        const auto compute = backend.layer_kernels->compute_dtype(dtype);
        const int ranks = backend.world->size();
        for (int size = 1; size <= ranks; ++size) {
            if (ranks % size != 0) continue;
            const auto group = backend.world->split(backend.world->rank() / size);
            const auto owned = partition_of(layout, ranks, size);
            for (const auto cols : kWidths) {
                SCOPED_TRACE(fmt::format("{}, {} columns", backend.name, cols));
                expect_right(*entry, {*backend.device, *backend.world, *group, owned, cols, dtype},
                             given, compute);
            }
        }
    }
}

TEST(GivenRows, SumsAreExactInEveryOrderAndRowsDiffer) {
    constexpr int kRanks = 8;
    for (const auto& type : dtypes()) {
        for (const auto given : kAllGiven) {
            const GivenRows data(given, type.dtype, kRanks, 1);
            int without_entries = 0;
            int without_sum = 0;
            for (std::int64_t row = 0; row < 20; ++row) {
                std::int64_t most = 0;
                for (int rank = 0; rank < kRanks; ++rank) {
                    without_entries += data.entries(row, rank) == 0 ? 1 : 0;
                    for (int entry = 0; entry < data.entries(row, rank); ++entry) {
                        most += std::abs(data.weight(row, entry) * data.value(row, entry, 3, rank));
                    }
                }
                EXPECT_LE(most, type.largest_integer);
                without_sum += data.sum(row, 3) == 0 ? 1 : 0;
            }
            EXPECT_EQ(without_entries, given == Given::whole_numbers ? 20 * kRanks / 4 : 0);
            EXPECT_LT(without_sum, 10);
        }
    }
}

class CombineCost : public testing::TestWithParam<std::tuple<const CombineEntry*, Layout, DType>> {
};

TEST_P(CombineCost, DeclaresAsManyBytesAsAnyRingSends) {
    const auto& [entry, layout, dtype] = GetParam();
    auto& backend = OpenBackends::opened().front();
    const auto alone = backend.world->split(backend.world->rank());
    const int ranks = backend.world->size();
    const auto owned = partition_of(layout, ranks, 1);
    const CombineSetup setup{*backend.device, *backend.world, *alone, owned, 64, dtype};
    const auto cost = entry->cost(setup);
    // Each rank must send all rows but its own, once; an all_reduce sends (N-1)/N of all rows
    // twice.
    const auto once = (owned.total() - owned.smallest()) * setup.row_bytes();
    const auto all = owned.total() * setup.row_bytes();
    const auto twice = 2 * (all - all / ranks);
    // Padding travels like rows.
    const auto padded = owned.largest() * (ranks - 1) * setup.row_bytes();
    EXPECT_GE(cost.link_bytes, ranks == 1 ? 0 : once) << "some sums cannot arrive";
    const std::map<std::string_view, std::int64_t> known{
        {"all_reduce_dp_scatter", twice},  {"all_reduce_slice", twice},
        {"reduce_scatterv_grouped", once}, {"reduce_scatterv_collapse", once},
        {"reduce_scatter_padded", padded}, {"reduce_scatterv_alltoallv", once},
        {"reduce_scatterv_native", once},  {"weighted_then_reduced", twice}};
    if (const auto found = known.find(entry->name); found != known.end()) {
        EXPECT_EQ(cost.link_bytes, ranks == 1 ? 0 : found->second);
    }
    EXPECT_EQ(cost.memory_bytes > 0, owned.total() > 0);
    EXPECT_GT(cost.launches + (owned.total() == 0 ? 1 : 0), 0);
}

TEST(Variant, SaysWhichWayAStrategyWent) {
    auto& backend = OpenBackends::opened().front();
    const auto alone = backend.world->split(backend.world->rank());
    const int ranks = backend.world->size();
    if (ranks == 1) GTEST_SKIP() << "one rank's rows are always even";
    const auto variant = [&](const Layout& layout, std::string_view name) {
        const auto owned = partition_of(layout, ranks, 1);
        const CombineSetup setup{*backend.device, *backend.world, *alone, owned, 8, DType::bf16};
        return std::string(find_named(combine_table(), name, "combine").variant(setup));
    };
    const auto& [even, uneven] = std::tie(kLayouts[0], kLayouts[1]);
    EXPECT_EQ(variant(even, "reduce_scatterv_collapse"), "reduce_scatter");
    EXPECT_EQ(variant(uneven, "reduce_scatterv_collapse"), "grouped");
    EXPECT_EQ(variant(even, "reduce_scatter_padded"), "zero_copy");
    EXPECT_EQ(variant(uneven, "reduce_scatter_padded"), "copied");
    EXPECT_EQ(variant(uneven, "reduce_scatterv_native"), "");
}

TEST(Obstacle, IsMoreElementsThanMpiCounts) {
    auto& backend = OpenBackends::opened().front();
    if (backend.gpus) GTEST_SKIP() << "NCCL counts in 64 bits";
    const int ranks = backend.world->size();
    const auto alone = backend.world->split(backend.world->rank());
    std::vector<std::int64_t> rows(static_cast<std::size_t>(ranks), 0);
    rows.front() = 200'000;  // of 8192: 1.6e9 elements, and as many for every other rank
    const RowPartition hot(rows);
    const CombineSetup setup{*backend.device, *backend.world, *alone, hot, 8192, DType::bf16};
    const GatherSetup gather{*backend.device, *backend.world, hot, 8192, DType::bf16};
    const auto obstacle_of = [&](std::string_view name) {
        return find_named(combine_table(), name, "combine").obstacle(setup);
    };
    EXPECT_EQ(obstacle_of("reduce_scatterv_grouped"), "");
    for (const auto& why :
         {obstacle_of("reduce_scatter_padded"), obstacle_of("reduce_scatterv_alltoallv"),
          find_named(gather_table(), "all_gather_padded", "gather").obstacle(gather)}) {
        EXPECT_EQ(why.empty(), ranks == 1) << why;
    }
}

TEST(AlltoallvCost, IsOfTheRankThatMovesMost) {
    auto& backend = OpenBackends::opened().front();
    const int ranks = backend.world->size();
    if (ranks == 1) GTEST_SKIP() << "one rank moves its own rows";
    const auto alone = backend.world->split(backend.world->rank());
    std::vector<std::int64_t> rows(static_cast<std::size_t>(ranks), 0);
    rows.front() = 10;
    const RowPartition hot(rows);
    const CombineSetup setup{*backend.device, *backend.world, *alone, hot, 8, DType::f32};
    const auto cost =
        find_named(combine_table(), "reduce_scatterv_alltoallv", "combine").cost(setup);
    EXPECT_EQ(cost.link_bytes, 10 * 32);  // an idle rank sends all of its sums
    // Rank 0 writes what N - 1 others send, reads it and its own, and writes the total.
    EXPECT_EQ(cost.memory_bytes, ((ranks - 1) + (ranks - 1) + 2) * 10 * 32);
}

TEST(RingTraffic, CountsWhatEachRankReadsAndWrites) {
    const std::vector<std::int64_t> two_rows{2, 4};
    const RowPartition two(two_rows);
    // Rank 0 sends 4 rows of 10 bytes; the 2 that come are written, and read with its 6; 2 results.
    const auto pair = ring_reduce_scatter_v(two, 10, 0);
    EXPECT_EQ(pair.link_bytes, 40);
    EXPECT_EQ(pair.memory_bytes, (2 + 2 + 6 + 2) * 10);
    // Rank 1 of 3 begins the sums of rank 0's 5 rows and gets those of the other 3.
    const std::vector<std::int64_t> three_rows{5, 1, 2};
    const RowPartition three(three_rows);
    const auto middle = ring_reduce_scatter_v(three, 10, 1);
    EXPECT_EQ(middle.link_bytes, 70);
    EXPECT_EQ(middle.memory_bytes, (3 + 3 + 8 + 1) * 10);
    // 3 blocks of 4 bytes: 2 come in each half. The first reads them and one's own 3, and keeps 1.
    const auto all = ring_all_reduce(12, 3);
    EXPECT_EQ(all.link_bytes, 2 * 8);
    EXPECT_EQ(all.memory_bytes, (8 + 8 + 12 + 4) + (8 + 8));
    EXPECT_EQ(ring_all_reduce(2, 4).link_bytes, 4) << "some rank sends what does not divide";
    EXPECT_EQ(ring_all_reduce(12, 1).memory_bytes, 24) << "a copy";
}

TEST(AlltoallvCost, IsThatOfARingBetweenTwoRanks) {
    auto& backend = OpenBackends::opened().front();
    if (backend.world->size() != 2) GTEST_SKIP() << "more ranks pass sums on, where an owner adds";
    const auto alone = backend.world->split(backend.world->rank());
    for (const auto& layout : kLayouts) {
        const auto owned = partition_of(layout, 2, 1);
        const CombineSetup setup{*backend.device, *backend.world, *alone, owned, 8, DType::bf16};
        const auto cost =
            find_named(combine_table(), "reduce_scatterv_alltoallv", "combine").cost(setup);
        const auto ring = reduce_scatter_v_cost(setup);
        EXPECT_EQ(cost.link_bytes, ring.link_bytes) << layout.name;
        EXPECT_EQ(cost.memory_bytes, ring.memory_bytes) << layout.name;
    }
}

TEST(ReduceScatterPaddedCost, CountsCopiesIntoBlocksAndOutOfThem) {
    auto& backend = OpenBackends::opened().front();
    const int ranks = backend.world->size();
    if (ranks != 4) GTEST_SKIP() << "worked by hand for 4 ranks";
    const std::vector<std::int64_t> rows{1, 1, 3, 3};
    const RowPartition owned(rows);
    for (const int size : {1, 2}) {
        const auto group = backend.world->split(backend.world->rank() / size);
        const CombineSetup setup{*backend.device, *backend.world, *group, owned, 5, DType::f16};
        const auto cost =
            find_named(combine_table(), "reduce_scatter_padded", "combine").cost(setup);
        // Blocks of 3 rows of 10 bytes: 9 pass, 12 are read, 3 are written; 8 rows are copied in,
        // at once; in pairs 3 are copied out, sent and received.
        EXPECT_EQ(cost.link_bytes, (size == 1 ? 9 : 12) * 10);
        EXPECT_EQ(cost.memory_bytes, (2 * 9 + 12 + 3 + 16 + (size == 1 ? 0 : 6 + 6)) * 10);
        EXPECT_EQ(cost.launches, 1 + 1 + (size == 1 ? 0 : 1));
    }
}

TEST(AllReduceCost, AddsTheClearAndTheCopyOfTheGroupsRows) {
    auto& backend = OpenBackends::opened().front();
    const int ranks = backend.world->size();
    const std::vector<std::int64_t> rows(static_cast<std::size_t>(ranks), 3);
    const RowPartition owned(rows);
    const CombineSetup setup{*backend.device, *backend.world, *backend.world, owned, 4, DType::f32};
    const auto cost_of = [&](std::string_view name) {
        return find_named(combine_table(), name, "combine").cost(setup);
    };
    const auto slice = cost_of("all_reduce_slice");
    const auto copied = cost_of("all_reduce_dp_scatter");
    EXPECT_EQ(copied.memory_bytes - slice.memory_bytes, 3 * 3 * ranks * 16);
    EXPECT_EQ(copied.link_bytes, slice.link_bytes);
    EXPECT_EQ(slice.launches, 1);
    EXPECT_EQ(copied.launches, 3);
}

TEST(GroupedCost, IsOneLaunchForEachOwner) {
    auto& backend = OpenBackends::opened().front();
    const int ranks = backend.world->size();
    const auto alone = backend.world->split(backend.world->rank());
    const auto launches = [&](const Layout& layout, std::string_view name) {
        const auto owned = partition_of(layout, ranks, 1);
        const CombineSetup setup{*backend.device, *backend.world, *alone, owned, 8, DType::bf16};
        return find_named(combine_table(), name, "combine").cost(setup).launches;
    };
    const auto& [even, uneven, idle] = std::tie(kLayouts[0], kLayouts[1], kLayouts[2]);
    EXPECT_EQ(launches(even, "reduce_scatterv_grouped"), ranks);
    EXPECT_EQ(launches(idle, "reduce_scatterv_grouped"), ranks - 1);
    EXPECT_EQ(launches(even, "reduce_scatterv_collapse"), 1);
    EXPECT_EQ(launches(uneven, "reduce_scatterv_collapse"), ranks);
    EXPECT_EQ(launches(uneven, "reduce_scatterv_native"), 1);
}

TEST(ReduceScatterVCost, AddsTheGatherInsideTheGroupRankByRank) {
    auto& backend = OpenBackends::opened().front();
    const int ranks = backend.world->size();
    if (ranks != 4) GTEST_SKIP() << "worked by hand for 4 ranks";
    const auto pair = backend.world->split(backend.world->rank() / 2);
    // Pairs that own 1 and 5 rows each: a rank sends the 11 or 7 rows that are not its own, then
    // its own 1 or 5 to its partner; 12 rows of 10 floats either way.
    const std::vector<std::int64_t> rows{1, 1, 5, 5};
    const RowPartition owned(rows);
    const CombineSetup setup{*backend.device, *backend.world, *pair, owned, 10, DType::f32};
    EXPECT_EQ(reduce_scatter_v_cost(setup).link_bytes, 12 * 40);
    EXPECT_EQ(reduce_scatter_v_cost(setup).launches, 2);
}

/// all_reduce_slice_idle_rank_bf16_identity.
std::string name_of(const testing::TestParamInfo<Param>& info) {
    const auto& [entry, layout, dtype, given] = info.param;
    return fmt::format("{}_{}_{}_{}", entry->name, layout.name, to_string(dtype), to_string(given));
}

const auto kCombines = testing::ValuesIn(combine_table().begin(), combine_table().end());

INSTANTIATE_TEST_SUITE_P(All, CombineContract,
                         testing::Combine(kCombines, testing::ValuesIn(kLayouts),
                                          testing::ValuesIn(contract_dtypes()),
                                          testing::ValuesIn(kAllGiven)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(All, CombineCost,
                         testing::Combine(kCombines, testing::ValuesIn(kLayouts),
                                          testing::ValuesIn(contract_dtypes())),
                         [](const auto& one) { return contract_name(one); });

}  // namespace
}  // namespace moe
