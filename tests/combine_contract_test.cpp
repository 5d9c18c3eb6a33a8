// Every combine strategy of this build, and one of weighted rows, on every backend of this build,
// against one contract: bit for bit, twice, into poisoned memory, for every way to put the ranks
// into groups and every way to make the input.
#include "comm/all_reduce_forms.hpp"
#include "comm/gather/gather.hpp"
#include "comm/named_table.hpp"
#include "tests/auto_tables.hpp"
#include "tests/backends.hpp"
#include "tests/layouts.hpp"
#include "tests/strategy_check.hpp"

#include <fmt/format.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <optional>
#include <set>
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
        const int ranks = backend.world->size();
        for (int size = 1; size <= ranks; ++size) {
            if (ranks % size != 0) continue;
            const auto group = backend.world->split(backend.world->rank() / size);
            const auto owned = partition_of(layout, ranks, size);
            for (const auto cols : kWidths) {
                expect_right(
                    *entry, backend,
                    with_table({*backend.device, *backend.world, *group, owned, cols, dtype}),
                    given);
            }
        }
    }
}

TEST(LargeMatrices, AreRightWhereAnAllReduceTakesTwoShots) {
    for (auto& backend : OpenBackends::opened()) {
        auto& world = *backend.world;
        if (world.size() < 3) GTEST_SKIP() << "up to two ranks need one shot";
        const auto alone = world.split(world.rank());
        const auto owned = partition_of(kLayouts[0], world.size(), 1);
        constexpr std::int64_t kCols = 80'001;  // and parts that differ
        int in_two_shots = 0;
        for (const auto dtype : {DType::bf16, DType::f16, DType::f32}) {
            const CombineSetup setup{*backend.device, world, *alone, owned, kCols, dtype, true};
            for (const auto* entry : combine_table()) {
                if (entry->variant(setup) != to_string(AllReduceForm::two_shot)) continue;
                expect_right(*entry, backend, setup, Given::partial_sums);
                ++in_two_shots;
            }
        }
        EXPECT_GT(in_two_shots, 0);
    }
}

/// Leaves the output as it is.
class Nothing final : public Combine {
public:
    explicit Nothing(const CombineSetup& /*setup*/) {}
    Matrix run(const CombineInput& /*in*/, const Matrix& mine, Stream& /*stream*/) override {
        return mine;
    }
};

TEST(ContractFailure, NamesBackendRankRowsWidthAndType) {
    const CombineEntry nothing{
        .name = "nothing",
        .summary = "gives no sums",
        .form = Form::reduce_scatter,
        .obstacle = no_obstacle,
        .cost = [](const CombineSetup&) { return Cost{}; },
        .make = make<Nothing>,
    };
    for (auto& backend : OpenBackends::opened()) {
        auto& world = *backend.world;
        const auto owned = partition_of(kLayouts[0], world.size(), 1);
        const CombineSetup setup{*backend.device, world, world, owned, 5, DType::bf16};
        testing::TestPartResultArray failures;
        {
            const testing::ScopedFakeTestPartResultReporter reporter(&failures);
            expect_right(nothing, backend, setup, Given::partial_sums);
        }
        ASSERT_GT(failures.size(), 0);
        const std::string said = failures.GetTestPartResult(0).message();
        for (const auto& part :
             {std::string(backend.name), fmt::format("rank {} of {}", world.rank(), world.size()),
              fmt::format("groups of {}", world.size()), std::string("3 rows of 5 bf16")}) {
            EXPECT_NE(said.find(part), std::string::npos) << part << " is not in: " << said;
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

TEST(Variant, OfAutoIsEachTimeAnotherForm) {
    auto& backend = OpenBackends::opened().front();
    const int ranks = backend.world->size();
    const auto alone = backend.world->split(backend.world->rank());
    const auto& chooses = find_named(combine_table(), "reduce_scatterv_auto", "combine");
    std::set<std::string_view> chosen;
    for (const auto& layout : kLayouts) {
        const auto owned = partition_of(layout, ranks, 1);
        for (const auto cols : kWidths) {
            const auto setup =
                with_table({*backend.device, *backend.world, *alone, owned, cols, DType::bf16});
            EXPECT_EQ(chooses.obstacle(setup), "") << layout.name;
            chosen.insert(chooses.variant(setup));
        }
    }
    EXPECT_GE(chosen.size(), 3U) << "the contract suite comes to try several";
}

TEST(Variant, OfTheEngineIsTheFormThatItChooses) {
    auto& world = *OpenBackends::opened().front().world;
    auto& device = *OpenBackends::opened().front().device;
    const auto alone = world.split(world.rank());
    constexpr std::int64_t kCols = 512;  // of KiB rows
    const auto& engine = find_named(combine_table(), "all_reduce_engine_dp_scatter", "combine");
    for (const std::int64_t rows : {1, 128, 129, 384, 385, 896, 897, 16384, 16385}) {
        std::vector<std::int64_t> hot(static_cast<std::size_t>(world.size()), 0);
        hot.front() = rows;
        const RowPartition owned(hot);
        for (const bool captured : {false, true}) {
            const CombineSetup setup{device, world, *alone, owned, kCols, DType::bf16, captured};
            const auto form = engine_all_reduce(world.size(), setup.all_bytes(), captured);
            EXPECT_EQ(engine.variant(setup), to_string(form)) << rows << " KiB";
            EXPECT_EQ(engine.input(setup).reach, AllReduce::reach(form)) << rows << " KiB";
        }
    }
}

TEST(Variant, OfFusedIsTheWayThatTakesLessBySpeeds) {
    auto& backend = OpenBackends::opened().front();
    auto& world = *backend.world;
    if (world.size() == 1) GTEST_SKIP() << "one rank has no links";
    const auto obstacle = world.peer_obstacle(Reach::load_store);
    if (!obstacle.empty()) GTEST_SKIP() << obstacle;
    const auto alone = world.split(world.rank());
    const auto& fused = find_named(combine_table(), "reduce_scatterv_fused", "combine");
    const auto variant = [&](const Layout& layout, std::optional<Speeds> speeds,
                             const WeightedShape& weighted) {
        const auto owned = partition_of(layout, world.size(), 1);
        CombineSetup setup{*backend.device, world, *alone, owned, 1024, DType::bf16};
        setup.speeds = speeds;
        setup.weighted = weighted;
        const auto chosen = fused.variant(setup);
        EXPECT_EQ(to_string(fused.input(setup)),
                  chosen == "pull" ? "weighted_rows:load_store" : "weighted_rows");
        EXPECT_EQ(fused.cost(setup).barriers, chosen == "push" ? 1 : 2);
        return std::string(chosen);
    };
    const auto& [even, one_has_all] = std::tie(kLayouts[0], kLayouts[3]);
    constexpr double kOneMemory = std::numeric_limits<double>::infinity();
    const Speeds shared{.link = kOneMemory, .memory = 1e9};
    const Speeds links{.link = 1e9, .memory = 10e9};
    const WeightedShape top_4{.entries = 4, .present = 1, .dtype = DType::bf16};
    EXPECT_EQ(variant(even, shared, top_4), "pull") << "nothing is written on the way";
    EXPECT_EQ(variant(even, links, top_4), "push") << "one row for four";
    EXPECT_EQ(variant(even, links, {.entries = 0.5, .present = 0.6, .dtype = DType::bf16}), "pull")
        << "fewer expert rows than partial sums";
    EXPECT_EQ(variant(one_has_all, shared, top_4), "push") << "one rank would read all";
    EXPECT_EQ(variant(even, Speeds{.link = kOneMemory, .memory = 1e12, .barrier = 1}, top_4),
              "push")
        << "ranks wait once and not twice";
    EXPECT_EQ(variant(even, std::nullopt, top_4), "push") << "nothing was measured";
    auto elsewhere = top_4;
    elsewhere.unreachable = "the expert rows have no room";
    EXPECT_EQ(variant(even, shared, elsewhere), "push") << elsewhere.unreachable;
}

TEST(SentBytes, OfFusedAreThoseOfRowsOrOfTheirEntries) {
    for (auto& backend : OpenBackends::opened()) {
        auto& world = *backend.world;
        if (!world.peer_obstacle(Reach::load_store).empty()) continue;
        const auto alone = world.split(world.rank());
        const auto owned = partition_of(kLayouts[1], world.size(), 1);
        const auto compute = backend.layer_kernels->compute_dtype(DType::bf16);
        CombineSetup setup{*backend.device, world, *alone, owned, 24, DType::bf16};
        setup.weighted.dtype = compute;
        const auto stream = backend.device->make_stream();
        const auto sent = [&](std::string_view name) {
            const auto& entry = find_named(combine_table(), name, "combine");
            GivenInput in(entry, setup, Given::whole_numbers, compute);
            in.make(0, *stream);
            stream->synchronize();
            return entry.make(setup)->sent_bytes(in.input());
        };
        const GivenRows given(Given::whole_numbers, DType::bf16, world.size(), 0);
        std::int64_t rows = 0;
        std::int64_t entries = 0;
        for (std::int64_t row = 0; row < owned.total(); ++row) {
            const int count = given.entries(row, world.rank());
            const bool own =
                row >= owned.first(world.rank()) && row < owned.first(world.rank() + 1);
            if (own || count == 0) continue;
            ++rows;
            entries += count;
        }
        EXPECT_EQ(sent("reduce_scatterv_fused:push"), rows * setup.row_bytes());
        EXPECT_EQ(sent("reduce_scatterv_fused:pull"), entries * setup.expert_row_bytes());
    }
}

TEST(Obstacle, OfPullIsThatExpertRowsFindNoRoom) {
    auto& backend = OpenBackends::opened().front();
    auto& world = *backend.world;
    if (!world.peer_obstacle(Reach::load_store).empty()) GTEST_SKIP() << "another obstacle";
    const auto owned = partition_of(kLayouts[0], world.size(), 1);
    CombineSetup setup{*backend.device, world, world, owned, 8, DType::bf16};
    setup.weighted.unreachable = "the expert rows have no room";
    const auto obstacle = [&](std::string_view name) {
        return find_named(combine_table(), name, "combine").obstacle(setup);
    };
    EXPECT_EQ(obstacle("reduce_scatterv_fused:pull"), setup.weighted.unreachable);
    EXPECT_EQ(obstacle("reduce_scatterv_fused:push"), "");
    EXPECT_EQ(obstacle("reduce_scatterv_fused"), "");
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

TEST(Norm, IsPartOfLastPassesOverAllRowsThatARankWants) {
    for (auto& backend : OpenBackends::opened()) {
        auto& world = *backend.world;
        if (!world.peer_obstacle(Reach::load_store).empty()) continue;
        const auto alone = world.split(world.rank());
        const auto owned = partition_of(kLayouts[0], world.size(), 1);
        const auto fuses = [&](Communicator& group, std::string_view name) {
            const auto setup = with_table({*backend.device, world, group, owned, 64, DType::bf16});
            return find_named(combine_table(), name, "combine").fuses_norm(setup);
        };
        for (const auto* name :
             {"reduce_scatterv_peer", "reduce_scatterv_push", "reduce_scatterv_push:balanced"}) {
            EXPECT_TRUE(fuses(*alone, name)) << name;
            EXPECT_EQ(fuses(world, name), world.size() == 1) << name;
        }
        // Pulled weighted rows have a pass with the norm on cores only (PeerKernels::can_norm).
        EXPECT_EQ(fuses(*alone, "reduce_scatterv_fused:pull"), backend.name == "host");
        for (const auto* name : {"all_reduce_dp_scatter", "reduce_scatterv_grouped"}) {
            EXPECT_FALSE(fuses(*alone, name)) << name;
        }
    }
}

TEST(Norm, IsRefusedByStrategiesWithoutAPassForIt) {
    auto& backend = OpenBackends::opened().front();
    auto& world = *backend.world;
    const auto owned = partition_of(kLayouts[0], world.size(), 1);
    const CombineSetup setup{*backend.device, world, world, owned, 5, DType::bf16};
    const auto stream = backend.device->make_stream();
    EXPECT_THROW(Nothing(setup).run_with_norm({}, {}, *stream), Error);
}

/// all_reduce_slice_idle_rank_bf16_identity.
std::string name_of(const testing::TestParamInfo<Param>& info) {
    const auto& [entry, layout, dtype, given] = info.param;
    return test_name(
        fmt::format("{}_{}_{}_{}", entry->name, layout.name, to_string(dtype), to_string(given)));
}

const auto kCombines = testing::ValuesIn(combine_table().begin(), combine_table().end());

INSTANTIATE_TEST_SUITE_P(All, CombineContract,
                         testing::Combine(kCombines, testing::ValuesIn(kLayouts),
                                          testing::ValuesIn(contract_dtypes()),
                                          testing::ValuesIn(kAllGiven)),
                         name_of);
}  // namespace
}  // namespace moe
