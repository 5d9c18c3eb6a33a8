// Every gather strategy of this build, on every backend of this build: every rank ends with every
// rank's rows, bit for bit.
#include "tests/backends.hpp"
#include "tests/layouts.hpp"
#include "tests/strategy_check.hpp"

#include <gtest/gtest.h>

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

INSTANTIATE_TEST_SUITE_P(
    All, GatherContract,
    testing::Combine(testing::ValuesIn(gather_table().begin(), gather_table().end()),
                     testing::ValuesIn(kLayouts), testing::ValuesIn(contract_dtypes())),
    [](const auto& one) { return contract_name(one); });

}  // namespace
}  // namespace moe
