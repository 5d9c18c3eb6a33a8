// The whole layer against its fp64 reference, on every topology that the ranks allow, and the
// incidents that real systems had, each of which must be caught.
#include "bench/moe/layer.hpp"
#include "bench/case/verifier.hpp"
#include "comm/backend.hpp"
#include "comm/combine/combine_inputs.hpp"
#include "comm/mpi/mpi_bootstrap.hpp"
#include "comm/named_table.hpp"
#include "tests/auto_tables.hpp"
#include "tests/backends.hpp"
#include "tests/faults/wrong_on_purpose.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>

namespace moe {
namespace {

constexpr LayerShape kRouted{64, 8, 2, 24, 0, Scoring::softmax, false};
constexpr LayerShape kShared{80, 6, 3, 20, 36, Scoring::softmax, false};
constexpr LayerShape kGatedSigmoid{48, 7, 2, 17, 19, Scoring::sigmoid, true};  // nothing divides
constexpr LayerShape kSqrtSoftplus{56, 12, 5, 9, 10, Scoring::sqrtsoftplus, false};
constexpr LayerShape kNarrow{32, 4, 4, 1, 1, Scoring::softmax, false};  // slices of no columns

/// One layer with everything around it, as the runner builds it.
class Fixture {
public:
    struct Config {
        LayerShape shape;
        int dp{};
        int ep{};
        std::vector<std::int64_t> tokens;
        DType dtype{};
        std::string_view gather{"all_gatherv"};
        /// Stands in for what the rank should hold of the weights.
        std::function<Shard(Shard)> broken_shard{};
        Padding padding{};
        int layers{1};
        /// The first layer is checked against the second one's reference.
        bool swap_layers{};
        Epilogue epilogue{};
    };
    explicit Fixture(const Config& config)
        : backend_(OpenBackends::opened().front()),
          bootstrap_(make_mpi_bootstrap()),
          stream_(backend_.device->make_stream()),
          parallel_{bootstrap_->size(), config.dp, config.ep},
          row_map_(parallel_, config.tokens, config.padding),
          group_(backend_.world->split(parallel_.dp_index(bootstrap_->rank()))),
          setup_(with_table({*backend_.device, *backend_.world, *group_, row_map_.owned(),
                             config.shape.hidden, config.dtype})) {
        auto& device = *backend_.device;
        auto shard = shard_of(config.shape, parallel_, bootstrap_->rank());
        if (config.broken_shard) shard = config.broken_shard(shard);
        for (int layer = 0; layer < config.layers; ++layer) {
            weights_.emplace_back(
                device, LayerWeights::Plan{config.shape, shard,
                                           backend_.layer_kernels->compute_dtype(config.dtype),
                                           kSeed, layer, 2});
            references_.emplace_back(config.shape, parallel_,
                                     backend_.layer_kernels->compute_dtype(config.dtype), kSeed,
                                     layer);
        }
        if (config.swap_layers) std::ranges::reverse(references_);
        const auto own = row_map_.owned().rows(bootstrap_->rank());
        const auto& gather = find_named(gather_table(), config.gather, "gather");
        const GatherSetup gathers{device, *backend_.world, row_map_.owned(), config.shape.hidden,
                                  config.dtype};
        layer_.emplace(
            LayerPlan{config.shape, shard, row_map_.rows(), own, own * parallel_.attn_tp(),
                      config.dtype, config.epilogue},
            MoeLayer::Parts{device, *backend_.layer_kernels, weights_, row_map_, *backend_.world,
                            gather.output(gathers), weighted_reach(*backend_.world)});
        gather_ = gather.make(gathers);
        inputs_.emplace(setup_, layer_->weighted_input());
        fill_input(device, layer_->input(), Synthetic(config.shape, kSeed), row_map_,
                   bootstrap_->rank());
        verifier_.emplace(CaseVerifier::Parts{device, *stream_, *bootstrap_, *layer_, *gather_,
                                              row_map_, setup_, references_, kSeed});
    }

    [[nodiscard]] std::string obstacle(const CombineEntry& entry) const {
        return entry.obstacle(setup_);
    }
    /// Kept until the fixture goes.
    [[nodiscard]] OutputStep make(std::string_view name) {
        const auto& entry = find_named(combine_table(), name, "combine");
        combines_.push_back(entry.make(setup_));
        return {combines_.back().get(), inputs_->of(entry.input(setup_)), entry.fuses_norm(setup_)};
    }
    CaseVerifier& verifier() { return *verifier_; }
    MoeLayer& layer() { return *layer_; }
    Stream& stream() { return *stream_; }

private:
    static constexpr std::uint64_t kSeed = 7;

    /// So that strategies that read other ranks' expert rows can be made too.
    static std::optional<Reach> weighted_reach(const Communicator& world) {
        if (!world.peer_obstacle(Reach::load_store).empty()) return std::nullopt;
        return Reach::load_store;
    }

    Backend& backend_;
    std::unique_ptr<Bootstrap> bootstrap_;
    std::unique_ptr<Stream> stream_;
    Parallel parallel_;
    RowMap row_map_;
    std::unique_ptr<Communicator> group_;
    CombineSetup setup_;
    std::vector<LayerReference> references_;
    std::vector<LayerWeights> weights_;
    std::optional<MoeLayer> layer_;
    std::unique_ptr<Gather> gather_;
    std::optional<CombineInputs> inputs_;
    std::vector<std::unique_ptr<Combine>> combines_;
    std::optional<CaseVerifier> verifier_;
};

TEST(LayerWeights, SayAfterEachMatrixThatTheyAdvance) {
    const LayerShape shape{64, 8, 2, 16, 0, Scoring::softmax, false, 0};
    int calls = 0;
    const LayerWeights weights(*OpenBackends::opened().front().device,
                               {shape, shard_of(shape, {1, 1, 1}, 0), DType::f32, 1},
                               [&] { ++calls; });
    EXPECT_GE(calls, 2 * shape.experts) << "gate and up, and down";
}

int ranks() {
    return make_mpi_bootstrap()->size();
}

/// Tokens that do not divide by anything, with an idle DP rank where there are several.
std::vector<std::int64_t> awkward_tokens(int dp) {
    std::vector<std::int64_t> tokens;
    for (int rank = 0; rank < dp; ++rank) tokens.push_back(rank == 1 ? 0 : 5 + 2 * rank);
    return tokens;
}

template <class Visit>
void for_each_topology(Visit&& visit) {
    const int count = ranks();
    for (int dp = 1; dp <= count; ++dp) {
        for (int ep = 1; ep <= count; ++ep) {
            if (count % dp == 0 && count % ep == 0) visit(dp, ep);
        }
    }
}

void expect_right(const Fixture::Config& config) {
    Fixture fixture(config);
    EXPECT_EQ(fixture.verifier().check_gather(), "");
    for (const auto* entry : combine_table()) {
        if (wrong_on_purpose(*entry) || !fixture.obstacle(*entry).empty()) continue;
        const auto combine = fixture.make(entry->name);
        EXPECT_EQ(fixture.verifier().check_output(combine), "") << entry->name;
        const auto verdict = fixture.verifier().check_layer(combine);
        EXPECT_EQ(verdict.wrong, "") << entry->name << " dp " << config.dp << " ep " << config.ep;
        EXPECT_LT(verdict.rms_error, config.dtype == DType::f32 ? 1e-5 : 0.02) << entry->name;
    }
}

TEST(Layer, IsRightOnEveryTopology) {
    for (const auto& shape : {kRouted, kShared, kGatedSigmoid, kSqrtSoftplus, kNarrow}) {
        for (const auto dtype : {DType::f32, DType::bf16, DType::f16}) {
            for_each_topology([&](int dp, int ep) {
                expect_right({shape, dp, ep, awkward_tokens(dp), dtype, "all_gatherv", {}});
            });
        }
    }
}

TEST(Layer, IsRightOnPaddedRows) {
    for_each_topology([&](int dp, int ep) {
        expect_right({kShared,
                      dp,
                      ep,
                      awkward_tokens(dp),
                      DType::bf16,
                      "all_gather_padded",
                      {},
                      Padding::max_len});
    });
}

TEST(Layer, IsRightWithPopularExperts) {
    auto popular = kGatedSigmoid;
    popular.expert_zipf = 1.2;
    for_each_topology([&](int dp, int ep) {
        expect_right({popular, dp, ep, awkward_tokens(dp), DType::f32, "all_gatherv", {}});
    });
}

TEST(Layer, IsRightWithAnEpilogue) {
    for (const auto dtype : {DType::f32, DType::bf16, DType::f16}) {
        for_each_topology([&](int dp, int ep) {
            expect_right({.shape = kShared,
                          .dp = dp,
                          .ep = ep,
                          .tokens = awkward_tokens(dp),
                          .dtype = dtype,
                          .epilogue = Epilogue::residual_norm});
        });
    }
}

TEST(Layer, IsWrongWhereItsEpilogueIs) {
    Fixture fixture({.shape = kRouted,
                     .dp = ranks(),
                     .ep = ranks(),
                     .tokens = awkward_tokens(ranks()),
                     .dtype = DType::bf16,
                     .epilogue = Epilogue::residual_norm});
    const auto output = fixture.make("all_reduce_dp_scatter");
    EXPECT_EQ(fixture.verifier().check_output(output), "");
    // A step that ends with the sums.
    Trace silent;
    const auto sums_only = [&] {
        fixture.layer().local_combine(output.input, fixture.stream(), silent);
        return fixture.layer().combine_only(output, fixture.stream(), silent);
    };
    auto& verifier = fixture.verifier();
    EXPECT_EQ(verifier.check_output(output.input, sums_only, false), "");
    const auto wrong = verifier.check_output(output.input, sums_only, true);
    EXPECT_NE(wrong.find("residual sum: row 0 column 0 is"), std::string::npos) << wrong;
}

TEST(Layer, IsRightInEveryLayerOfAStep) {
    for_each_topology([&](int dp, int ep) {
        expect_right({kShared, dp, ep, awkward_tokens(dp), DType::bf16, "all_gatherv", {}, {}, 3});
    });
}

TEST(Layer, AnotherLayersWeightsAreCaught) {
    // What a wrong index into the layers would compute: right sums of the wrong layer.
    Fixture fixture({kShared,
                     ranks(),
                     ranks(),
                     awkward_tokens(ranks()),
                     DType::bf16,
                     "all_gatherv",
                     {},
                     {},
                     2,
                     /*swap_layers=*/true});
    const auto combine = fixture.make("all_reduce_dp_scatter");
    EXPECT_NE(fixture.verifier().check_layer(combine).wrong, "");
}

CaseVerifier::Numerics numerics_of(std::string_view name, DType dtype) {
    Fixture fixture({kShared, ranks(), ranks(), awkward_tokens(ranks()), dtype, "all_gatherv", {}});
    const auto& entry = find_named(combine_table(), name, "combine");
    const auto combine = fixture.make(name);
    EXPECT_EQ(fixture.verifier().check_layer(combine).wrong, "") << name;
    const auto numerics = fixture.verifier().check_numerics(entry, combine);
    EXPECT_EQ(numerics.owner_independent.has_value(), ranks() > 1) << name;
    return numerics;
}

TEST(Numerics, TellWhichStrategiesKeepTheirOrderOfAdding) {
    // Two numbers have one sum, whatever the order.
    const bool matters = ranks() > 2;
    // bf16 sums are rounded once here, whatever the order, and nearly always to the same.
    for (const auto dtype : {DType::f32, DType::f16}) {
        const auto fixed = numerics_of("reduce_scatterv_alltoallv", dtype);
        EXPECT_TRUE(fixed.repeatable);
        EXPECT_TRUE(fixed.owner_independent.value_or(true));
    }
    const auto owner_first = numerics_of("owner_first", DType::f32);
    EXPECT_TRUE(owner_first.repeatable);
    EXPECT_EQ(owner_first.owner_independent.value_or(true), !matters);
    EXPECT_EQ(numerics_of("changing_order", DType::f32).repeatable, !matters);
    EXPECT_TRUE(numerics_of("weighted_then_reduced", DType::bf16).repeatable);
}

TEST(Layer, IsRightWithEveryGather) {
    auto& world = *OpenBackends::opened().front().world;
    for (const auto* gather : gather_table()) {
        const bool reaches = gather->output == plain_output;
        if (!reaches && !world.peer_obstacle(Reach::load_store).empty()) continue;
        expect_right(
            {kShared, ranks(), ranks(), awkward_tokens(ranks()), DType::bf16, gather->name, {}});
    }
}

TEST(Layer, IsRightWhenOneRankHasAllTokensAndWhenNobodyHasAny) {
    std::vector<std::int64_t> tokens(static_cast<std::size_t>(ranks()), 0);
    expect_right({kShared, ranks(), ranks(), tokens, DType::bf16, "all_reduce_zero_fill", {}});
    tokens.back() = 9;
    expect_right({kShared, ranks(), ranks(), tokens, DType::bf16, "all_reduce_zero_fill", {}});
}

/// What the verifier says of a strategy that is wrong on purpose: bit for bit, and on real data.
void expect_caught(std::string_view name) {
    Fixture fixture(
        {kShared, ranks(), ranks(), awkward_tokens(ranks()), DType::bf16, "all_gatherv", {}});
    EXPECT_NE(fixture.verifier().check_output(fixture.make(name)), "") << name;
    EXPECT_NE(fixture.verifier().check_layer(fixture.make(name)).wrong, "") << name;
}

TEST(Incident, ReducedTwiceIsCaught) {
    if (ranks() == 1) GTEST_SKIP() << "one rank's sum of sums is the sum";
    expect_caught("reduced_twice");
}
TEST(Incident, NeverReducedIsCaught) {
    if (ranks() == 1) GTEST_SKIP() << "one rank's partial sum is the sum";
    expect_caught("never_reduced");
}
TEST(Incident, ASecondRunThatKeepsStaleRowsIsCaught) {
    // On the real input both runs have the same result: only other data can tell.
    Fixture fixture(
        {kShared, ranks(), ranks(), awkward_tokens(ranks()), DType::bf16, "all_gatherv", {}});
    EXPECT_NE(fixture.verifier().check_output(fixture.make("stale_second_run")), "");
}

TEST(Incident, IgnoredRoutingIsCaught) {
    Fixture fixture(
        {kShared, ranks(), ranks(), awkward_tokens(ranks()), DType::bf16, "all_gatherv", {}});
    const auto combine = fixture.make("routing_ignored");
    EXPECT_EQ(fixture.verifier().check_output(combine), "") << "exact data take no routing";
    EXPECT_NE(fixture.verifier().check_layer(combine).wrong, "");
}
TEST(Incident, AnInputThatIsWrittenToIsCaught) {
    Fixture fixture(
        {kShared, ranks(), ranks(), awkward_tokens(ranks()), DType::bf16, "all_gatherv", {}});
    const auto wrong = fixture.verifier().check_output(fixture.make("input_overwritten"));
    EXPECT_NE(wrong.find("the expert rows, which are read only"), std::string::npos) << wrong;
}

TEST(Incident, SharedExpertOnEveryRankIsCaught) {
    if (ranks() == 1) GTEST_SKIP() << "one rank holds the whole shared expert by right";
    // Each rank computes the whole shared expert instead of its slice: R + N*S instead of R + S.
    const auto replicated = [](Shard shard) {
        shard.shared = {0, kShared.shared_intermediate};
        return shard;
    };
    Fixture fixture({kShared, ranks(), ranks(), awkward_tokens(ranks()), DType::bf16, "all_gatherv",
                     replicated});
    const auto combine = fixture.make("all_reduce_dp_scatter");
    EXPECT_EQ(fixture.verifier().check_output(combine), "") << "the exchange itself is right";
    EXPECT_NE(fixture.verifier().check_layer(combine).wrong, "");
}

TEST(Incident, AnExpertOnTwoRanksIsCaught) {
    if (ranks() == 1) GTEST_SKIP() << "one rank holds every expert by right";
    const auto overlapping = [](Shard shard) {
        shard.experts.first = 0;
        return shard;
    };
    Fixture fixture({kRouted, ranks(), ranks(), awkward_tokens(ranks()), DType::bf16, "all_gatherv",
                     overlapping});
    const auto combine = fixture.make("all_reduce_dp_scatter");
    EXPECT_NE(fixture.verifier().check_layer(combine).wrong, "");
}

}  // namespace
}  // namespace moe
