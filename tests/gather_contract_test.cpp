// Every gather strategy of this build, on every backend of this build: every rank ends with every
// rank's rows, bit for bit.
#include "comm/all_reduce_forms.hpp"
#include "comm/named_table.hpp"
#include "tests/backends.hpp"
#include "tests/layouts.hpp"
#include "tests/strategy_check.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <tuple>

namespace moe {
namespace {

using Param = std::tuple<const GatherEntry*, Layout, DType>;

class GatherContract : public testing::TestWithParam<Param> {};

TEST_P(GatherContract, GivesEveryRankAllRows) {
    const auto& [entry, layout, dtype] = GetParam();
    for (auto& backend : OpenBackends::opened()) {
        const auto owned = partition_of(layout, backend.world->size(), 1);
        for (const auto cols : kWidths) {
            expect_right(*entry, backend, {*backend.device, *backend.world, owned, cols, dtype});
        }
    }
}

TEST(LargeMatrices, AreRightWhereAnAllReduceTakesTwoShots) {
    const auto& engine = find_named(gather_table(), "all_reduce_engine_zero_fill", "gather");
    for (auto& backend : OpenBackends::opened()) {
        auto& world = *backend.world;
        if (world.size() < 3) GTEST_SKIP() << "up to two ranks need one shot";
        const auto owned = partition_of(kLayouts[0], world.size(), 1);
        constexpr std::int64_t kCols = 80'001;  // and parts that differ
        for (const auto dtype : {DType::bf16, DType::f16, DType::f32}) {
            const GatherSetup setup{*backend.device, world, owned, kCols, dtype, true};
            ASSERT_EQ(engine_all_reduce(world.size(), owned.total() * setup.row_bytes(), true),
                      AllReduceForm::two_shot);
            expect_right(engine, backend, setup);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    All, GatherContract,
    testing::Combine(testing::ValuesIn(gather_table().begin(), gather_table().end()),
                     testing::ValuesIn(kLayouts), testing::ValuesIn(contract_dtypes())),
    [](const auto& one) { return contract_name(one); });

}  // namespace
}  // namespace moe
