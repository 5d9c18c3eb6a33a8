// Every gather strategy of this build, on every backend of this build: every rank ends with every
// rank's rows, bit for bit.
#include "tests/backends.hpp"
#include "tests/layouts.hpp"
#include "tests/strategy_check.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <string_view>
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
            SCOPED_TRACE(fmt::format("{}, {} columns", backend.name, cols));
            expect_right(*entry, {*backend.device, *backend.world, owned, cols, dtype});
        }
    }
}

TEST_P(GatherContract, DeclaresAsManyBytesAsAnyRingSends) {
    const auto& [entry, layout, dtype] = GetParam();
    auto& backend = OpenBackends::opened().front();
    const int ranks = backend.world->size();
    const auto owned = partition_of(layout, ranks, 1);
    const GatherSetup setup{*backend.device, *backend.world, owned, 64, dtype};
    const auto once = (owned.total() - owned.smallest()) * setup.row_bytes();
    const auto bytes = owned.total() * setup.row_bytes();
    const auto twice = 2 * (bytes - bytes / ranks);  // all but the smallest block, there and back
    // Padding travels like rows.
    const auto padded = owned.largest() * (ranks - 1) * setup.row_bytes();
    const auto sent = entry->cost(setup).link_bytes;
    EXPECT_GE(sent, ranks == 1 ? 0 : once) << "some rows cannot arrive";
    const std::map<std::string_view, std::int64_t> known{
        {"all_reduce_zero_fill", twice}, {"all_gather_padded", padded}, {"all_gatherv", once}};
    if (const auto found = known.find(entry->name); found != known.end()) {
        EXPECT_EQ(sent, ranks == 1 ? 0 : found->second);
    }
    EXPECT_EQ(entry->cost(setup).memory_bytes > 0, owned.total() > 0);
}

INSTANTIATE_TEST_SUITE_P(
    All, GatherContract,
    testing::Combine(testing::ValuesIn(gather_table().begin(), gather_table().end()),
                     testing::ValuesIn(kLayouts), testing::ValuesIn(contract_dtypes())),
    [](const auto& one) { return contract_name(one); });

}  // namespace
}  // namespace moe
