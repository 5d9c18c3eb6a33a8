// What every strategy of this build declares to cost, against what it asks for when it runs: all
// ranks' strategies run one after the other in this process, on doubles that count and do nothing.
#include "comm/combine/combine.hpp"
#include "comm/contract_cost.hpp"
#include "comm/gather/gather.hpp"
#include "kernels/host/host_device.hpp"
#include "tests/auto_tables.hpp"
#include "tests/counting_communicator.hpp"
#include "tests/counting_device.hpp"
#include "tests/layouts.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <memory>
#include <tuple>
#include <vector>

namespace moe {
namespace {

constexpr int kRanks[] = {1, 2, 3, 4, 6, 8};
/// Bytes of rows divide among all these ranks: of others an all_reduce declares the most that a
/// rank may have. Elements of blocks are not all a multiple of 16, as NCCL's windows want them.
constexpr std::int64_t kCols = 24;

/// One rank's side of a world that only counts.
struct CountingRank {
    CountingRank(CountedTraffic& traffic, int ranks, int rank, int group_size)
        : device(*memory, traffic, rank),
          world(traffic, {0, ranks, rank}),
          group(traffic, {rank - rank % group_size, group_size, rank % group_size}) {}

    std::unique_ptr<Device> memory = make_host_device();
    std::unique_ptr<Stream> stream = memory->make_stream();
    CountingDevice device;
    CountingCommunicator world, group;
};

std::deque<CountingRank> counting_ranks(CountedTraffic& traffic, int ranks, int group_size) {
    std::deque<CountingRank> all;
    for (int rank = 0; rank < ranks; ++rank) all.emplace_back(traffic, ranks, rank, group_size);
    return all;
}

/// A matrix that lies in memory which reaches further, for whoever wants that.
class Rows {
public:
    Rows(const Communicator& world, std::int64_t rows, DType dtype)
        : matrix_{nullptr, rows, kCols, dtype},
          memory_({0, world.size(), world.rank()}, matrix_.bytes()) {
        matrix_.data = memory_.data();
    }
    [[nodiscard]] const Matrix& matrix() const { return matrix_; }
    [[nodiscard]] PeerMemory* memory() { return &memory_; }

private:
    Matrix matrix_;
    OwnBlock memory_;
};

void expect_declared(const Cost& declared, const CountedTraffic& traffic, int ranks,
                     bool any_rows) {
    Cost most;
    for (int rank = 0; rank < ranks; ++rank) {
        const auto& counted = traffic.of(rank);
        most.link_bytes = std::max(most.link_bytes, counted.link_bytes);
        most.memory_bytes = std::max(most.memory_bytes, counted.memory_bytes);
        most.launches = std::max(most.launches, counted.launches);
        most.barriers = std::max(most.barriers, counted.barriers);
        most.workspace_bytes = std::max(most.workspace_bytes, counted.workspace_bytes);
    }
    EXPECT_EQ(declared.link_bytes, most.link_bytes);
    EXPECT_EQ(declared.memory_bytes, most.memory_bytes);
    EXPECT_EQ(declared.barriers, most.barriers);
    EXPECT_EQ(declared.workspace_bytes, most.workspace_bytes);
    if (any_rows) {
        EXPECT_EQ(declared.launches, most.launches);
    } else {
        EXPECT_GE(declared.launches, most.launches) << "no rows need no launch";
    }
}

template <class Entry>
using CostParam = std::tuple<const Entry*, Layout, DType>;

class CombineCost : public testing::TestWithParam<CostParam<CombineEntry>> {
protected:
    /// Runs the strategy once on each rank.
    static void expect_cost_of(const CombineEntry& entry, const RowPartition& owned, int group_size,
                               DType dtype) {
        CountedTraffic traffic(owned.ranks());
        auto ranks = counting_ranks(traffic, owned.ranks(), group_size);
        std::vector<CombineSetup> setups;
        std::vector<std::unique_ptr<Combine>> combines;
        for (auto& rank : ranks) {
            setups.push_back(
                with_table({rank.device, rank.world, rank.group, owned, kCols, dtype}));
            setups.back().weighted.dtype = dtype;
            ASSERT_EQ(entry.obstacle(setups.back()), "");
            combines.push_back(entry.make(setups.back()));
        }
        traffic.forget_all_but_workspace();
        for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
            Rows in(ranks[rank].world, owned.total(), dtype);
            Rows mine(ranks[rank].world, setups[rank].group_rows(), dtype);
            static_cast<void>(combines[rank]->run({.rows = in.matrix(), .memory = in.memory()},
                                                  mine.matrix(), *ranks[rank].stream));
        }
        const auto least = contract_cost(owned, group_size, setups.front().row_bytes());
        for (const auto& setup : setups) {
            const auto declared = entry.cost(setup);
            expect_declared(declared, traffic, owned.ranks(), owned.total() > 0);
            EXPECT_GE(declared.link_bytes, least.link_bytes) << "some sums cannot arrive";
            // What is read of weighted rows is up to the router.
            if (entry.input(setup).weighted()) continue;
            EXPECT_GE(declared.memory_bytes, least.memory_bytes);
        }
    }
};

TEST_P(CombineCost, IsWhatARunAsksFor) {
    const auto& [entry, layout, dtype] = GetParam();
    for (const int ranks : kRanks) {
        for (int size = 1; size <= ranks; ++size) {
            if (ranks % size != 0) continue;
            SCOPED_TRACE(fmt::format("{} ranks in groups of {}", ranks, size));
            expect_cost_of(*entry, partition_of(layout, ranks, size), size, dtype);
        }
    }
}

class GatherCost : public testing::TestWithParam<CostParam<GatherEntry>> {};

TEST_P(GatherCost, IsWhatARunAsksFor) {
    const auto& [entry, layout, dtype] = GetParam();
    for (const int size : kRanks) {
        SCOPED_TRACE(fmt::format("{} ranks", size));
        const auto owned = partition_of(layout, size, 1);
        CountedTraffic traffic(size);
        auto ranks = counting_ranks(traffic, size, 1);
        std::vector<GatherSetup> setups;
        std::vector<std::unique_ptr<Gather>> gathers;
        for (auto& rank : ranks) {
            setups.push_back({rank.device, rank.world, owned, kCols, dtype});
            ASSERT_EQ(entry->obstacle(setups.back()), "");
            gathers.push_back(entry->make(setups.back()));
        }
        traffic.forget_all_but_workspace();
        for (auto& rank : ranks) {
            Rows mine(rank.world, owned.rows(rank.world.rank()), dtype);
            Rows all(rank.world, owned.total(), dtype);
            gathers[static_cast<std::size_t>(rank.world.rank())]->run(
                mine.matrix(), {all.matrix(), all.memory()}, *rank.stream);
        }
        for (const auto& setup : setups) {
            expect_declared(entry->cost(setup), traffic, size, owned.total() > 0);
        }
    }
}

TEST(CountedTraffic, IsThatOfRingsWorkedByHand) {
    // Rank 0 of 2 sends 4 bytes; the 2 that come are written, and read with its 6; 2 results.
    CountedTraffic pair(2);
    pair.reduce_scatter({0, 2, 0}, {2, 4});
    EXPECT_EQ(pair.of(0).link_bytes, 4);
    EXPECT_EQ(pair.of(0).memory_bytes, 2 + 2 + 6 + 2);
    // Rank 1 of 3 begins the sums of rank 0's 5 bytes and gets those of the other 3.
    CountedTraffic middle(3);
    middle.reduce_scatter({0, 3, 1}, {5, 1, 2});
    EXPECT_EQ(middle.of(1).link_bytes, 7);
    EXPECT_EQ(middle.of(1).memory_bytes, 3 + 3 + 8 + 1);
    // 3 blocks of 4 bytes: 2 come in each half. The first reads them and one's own 3, and keeps 1.
    CountedTraffic all(3);
    all.all_reduce({0, 3, 2}, 12);
    EXPECT_EQ(all.of(2).link_bytes, 2 * 8);
    EXPECT_EQ(all.of(2).memory_bytes, (8 + 8 + 12 + 4) + (8 + 8));
    // The second of two ranks 4 and 5: it sends its 3 bytes, which are copied into place, and
    // gets 2.
    CountedTraffic gather(6);
    gather.all_gather({4, 2, 1}, {2, 3}, false);
    EXPECT_EQ(gather.of(5).link_bytes, 3);
    EXPECT_EQ(gather.of(5).memory_bytes, 3 + 2 + 2 * 3);
    EXPECT_EQ(gather.of(4).memory_bytes, 0) << "another rank's call";
}

TEST(RingAllReduce, IsOfTheRankThatHasMostWhereBytesDoNotDivide) {
    for (const int ranks : kRanks) {
        for (std::int64_t bytes = 0; bytes < std::int64_t{4} * ranks; ++bytes) {
            const auto declared = ring_all_reduce(bytes, ranks);
            CountedTraffic traffic(ranks);
            for (int rank = 0; rank < ranks; ++rank) {
                traffic.all_reduce({0, ranks, rank}, bytes);
                EXPECT_GE(declared.link_bytes, traffic.of(rank).link_bytes);
                EXPECT_LE(declared.link_bytes, traffic.of(rank).link_bytes + 2);
                EXPECT_GE(declared.memory_bytes, traffic.of(rank).memory_bytes);
                EXPECT_LE(declared.memory_bytes, traffic.of(rank).memory_bytes + 3);
            }
        }
    }
}

/// And one in which who has most rows is not followed by who has least.
std::vector<Layout> all_layouts() {
    std::vector<Layout> all(std::begin(kLayouts), std::end(kLayouts));
    all.push_back(
        {"falling", [](int group, int groups) -> std::int64_t { return groups - group; }});
    return all;
}

template <class Span>
auto costs_of(const Span& table) {
    return testing::Combine(testing::ValuesIn(table.begin(), table.end()),
                            testing::ValuesIn(all_layouts()), testing::ValuesIn(contract_dtypes()));
}
constexpr auto kName = [](const auto& one) { return contract_name(one); };

INSTANTIATE_TEST_SUITE_P(All, CombineCost, costs_of(combine_table()), kName);
INSTANTIATE_TEST_SUITE_P(All, GatherCost, costs_of(gather_table()), kName);

}  // namespace
}  // namespace moe
