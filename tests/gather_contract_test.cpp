// Every gather strategy of this build, on every backend of this build: every rank ends with every
// rank's rows, bit for bit.
#include "bench/verify/exact.hpp"
#include "comm/gather/gather.hpp"
#include "tests/backends.hpp"
#include "tests/layouts.hpp"

#include <gtest/gtest.h>

#include <tuple>

namespace moe {
namespace {

using Param = std::tuple<const GatherEntry*, Layout, DType>;

class GatherContract : public testing::TestWithParam<Param> {};

void check(Backend& backend, const Param& param, std::int64_t cols) {
    const auto& [entry, layout, dtype] = param;
    auto& device = *backend.device;
    auto& world = *backend.world;
    const auto stream = device.make_stream();
    const auto owned = partition_of(layout, world.size(), 1);
    const GatherSetup setup{device, world, owned, cols, dtype};
    if (const auto why = entry->obstacle(setup); !why.empty()) {
        EXPECT_GT(why.size(), 10U) << "an obstacle must say why";
        return;
    }
    const auto row_bytes = static_cast<std::size_t>(setup.row_bytes());
    const auto in = device.allocate(static_cast<std::size_t>(owned.rows(world.rank())) * row_bytes);
    const auto out = device.allocate(static_cast<std::size_t>(owned.total()) * row_bytes);
    const auto mine = in.matrix(owned.rows(world.rank()), cols, dtype);
    const auto all = out.matrix(owned.total(), cols, dtype);

    const auto gather = entry->make(setup);
    // Other data the second time: a strategy must not live on what its first run left.
    for (std::uint64_t run = 0; run < 2; ++run) {
        const ExactData data(dtype, world.size(), run);
        const auto rows_of = [&](int rank) {
            return data.contribution(owned.first(rank), owned.rows(rank), cols, rank);
        };
        std::vector<std::byte> want;
        for (int rank = 0; rank < world.size(); ++rank) {
            const auto theirs = rows_of(rank);
            want.insert(want.end(), theirs.begin(), theirs.end());
        }
        const auto given = rows_of(world.rank());
        device.upload(given.data(), in.data(), given.size());
        device.fill_bytes(all, std::byte{0xff}, *stream);
        gather->run(mine, all, *stream);
        stream->synchronize();
        EXPECT_EQ(compare_bits(device, all, want, 0), "") << "rank " << world.rank();
        EXPECT_EQ(compare_bits(device, mine, given, 0), "") << "the input was written to";
    }
}

TEST_P(GatherContract, GivesEveryRankAllRows) {
    for (auto& backend : OpenBackends::opened()) {
        for (const auto cols : kWidths) check(backend, GetParam(), cols);
    }
}

TEST_P(GatherContract, DeclaresAsManyBytesAsAnyRingSends) {
    const auto& [entry, layout, dtype] = GetParam();
    auto& backend = OpenBackends::opened().front();
    const int ranks = backend.world->size();
    const auto owned = partition_of(layout, ranks, 1);
    const GatherSetup setup{*backend.device, *backend.world, owned, 64, dtype};
    const auto once = (owned.total() - owned.smallest()) * setup.row_bytes();
    const auto twice = owned.total() * setup.row_bytes() / ranks * 2 * (ranks - 1);
    // Padding travels like rows.
    const auto padded = owned.largest() * (ranks - 1) * setup.row_bytes();
    const bool reduces_all = entry->name.substr(0, 10) == "all_reduce";
    const bool pads = entry->name == "all_gather_padded";
    EXPECT_EQ(entry->cost(setup).link_bytes, ranks == 1    ? 0
                                             : reduces_all ? twice
                                             : pads        ? padded
                                                           : once);
    EXPECT_EQ(entry->cost(setup).memory_bytes > 0, owned.total() > 0);
}

INSTANTIATE_TEST_SUITE_P(
    All, GatherContract,
    testing::Combine(testing::ValuesIn(gather_table().begin(), gather_table().end()),
                     testing::ValuesIn(kLayouts), testing::ValuesIn(all_dtypes())),
    [](const auto& one) { return contract_name(one); });

}  // namespace
}  // namespace moe
