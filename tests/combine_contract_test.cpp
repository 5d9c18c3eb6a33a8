// Every combine strategy of this build, on every backend of this build, against one contract: bit
// for bit, twice, into poisoned memory, for every way to put the ranks into groups.
#include "comm/named_table.hpp"
#include "tests/backends.hpp"
#include "tests/layouts.hpp"
#include "tests/strategy_check.hpp"

#include <gtest/gtest.h>

#include <tuple>

namespace moe {
namespace {

using Param = std::tuple<const CombineEntry*, Layout, DType>;

class CombineContract : public testing::TestWithParam<Param> {};

TEST_P(CombineContract, GivesEveryRankOfAGroupTheSumOfItsRows) {
    const auto& [entry, layout, dtype] = GetParam();
    for (auto& backend : OpenBackends::opened()) {
        const int ranks = backend.world->size();
        for (int size = 1; size <= ranks; ++size) {
            if (ranks % size != 0) continue;
            const auto group = backend.world->split(backend.world->rank() / size);
            const auto owned = partition_of(layout, ranks, size);
            for (const auto cols : kWidths) {
                expect_right(*entry, {*backend.device, *backend.world, *group, owned, cols, dtype});
            }
        }
    }
}

TEST_P(CombineContract, DeclaresAsManyBytesAsAnyRingSends) {
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
    const auto twice = owned.total() * setup.row_bytes() / ranks * 2 * (ranks - 1);
    // Padding travels like rows.
    const auto padded = owned.largest() * (ranks - 1) * setup.row_bytes();
    const bool reduces_all = entry->name.substr(0, 10) == "all_reduce";
    const bool pads = entry->name == "reduce_scatter_padded";
    EXPECT_EQ(cost.link_bytes, ranks == 1 ? 0 : reduces_all ? twice : pads ? padded : once);
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

INSTANTIATE_TEST_SUITE_P(
    All, CombineContract,
    testing::Combine(testing::ValuesIn(combine_table().begin(), combine_table().end()),
                     testing::ValuesIn(kLayouts), testing::ValuesIn(all_dtypes())),
    [](const auto& one) { return contract_name(one); });

}  // namespace
}  // namespace moe
