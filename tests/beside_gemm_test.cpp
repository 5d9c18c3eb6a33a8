// A second batch's experts beside the output step of a small layer: what checks find, and what
// samples hold. On every backend, also in graphs where it has them.
#include "bench/case/beside_gemm.hpp"
#include "bench/measure/statistics.hpp"
#include "comm/combine/combine_inputs.hpp"
#include "comm/mpi/mpi_bootstrap.hpp"
#include "comm/named_table.hpp"
#include "tests/auto_tables.hpp"
#include "tests/backends.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moe {
namespace {

constexpr LayerShape kShape{64, 8, 2, 24, 0, Scoring::softmax, false};
constexpr std::uint64_t kSeed = 7;

/// A layer with two copies of its weights, and one strategy.
class SmallCase {
public:
    SmallCase(Backend& backend, bool graph)
        : backend_(backend),
          alone_(backend.world->split(backend.world->rank())),
          setup_(with_table({*backend.device, *backend.world, *alone_, row_map_.owned(),
                             kShape.hidden, DType::bf16, graph})) {
        auto& device = *backend.device;
        const auto compute = backend.layer_kernels->compute_dtype(DType::bf16);
        const auto shard = shard_of(kShape, parallel_, bootstrap_->rank());
        weights_.emplace_back(device, LayerWeights::Plan{kShape, shard, compute, kSeed, 0, 2});
        references_.emplace_back(kShape, parallel_, compute, kSeed);
        const auto own = row_map_.owned().rows(bootstrap_->rank());
        const GatherSetup gathers{device,        *backend.world, row_map_.owned(),
                                  kShape.hidden, DType::bf16,    graph};
        const auto& gather = find_named(gather_table(), "all_gatherv", "gather");
        const LayerPlan plan{kShape, shard, row_map_.rows(), own, own, DType::bf16};
        layer_.emplace(plan, MoeLayer::Parts{device, *backend.layer_kernels, weights_, row_map_,
                                             *backend.world, gather.output(gathers)});
        gather_ = gather.make(gathers);
        fill_input(device, layer_->input(), Synthetic(kShape, kSeed), row_map_, bootstrap_->rank());
        inputs_.emplace(setup_, layer_->weighted_input());
        verifier_.emplace(CaseVerifier::Parts{device, *stream_, *bootstrap_, *layer_, *gather_,
                                              row_map_, setup_, references_, kSeed});
        const auto& entry = find_named(combine_table(), "reduce_scatter_padded", "combine");
        strategy_.entry = &entry;
        strategy_.combine = entry.make(setup_);
        strategy_.output = {strategy_.combine.get(), inputs_->of(entry.input(setup_))};
        params_.graph = graph;
        beside_.emplace(
            BesideGemm::Parts{params_, device, *backend.world, *stream_, *layer_, [] {}},
            BesideGemm::bytes(plan, *backend.layer_kernels));
        run_experts();
        Trace silent;
        static_cast<void>(layer_->output(strategy_.output, *stream_, silent));
        if (graph) beside_->capture(strategy_);
    }

    void run_experts() {
        Trace silent;
        layer_->run_experts(0, *gather_, *stream_, silent);
        stream_->synchronize();
    }
    std::string check_gemm() { return beside_->check_gemm(strategy_); }
    std::string check_output() { return beside_->check_output(*verifier_, strategy_); }
    /// The weights that the layer and the second batch take in turns are no longer the same.
    void break_a_copy() {
        auto* gate_up = const_cast<std::byte*>(weights_.front().experts(1).gate_up);
        backend_.device->fill_bytes({gate_up, 1, kShape.hidden, DType::bf16}, std::byte{},
                                    *stream_);
    }
    BesideSamples measure(const StopRule& rule) {
        Timeline timeline(*bootstrap_, true);
        RegionTimer timer(*backend_.device, timeline, *stream_);
        Sampler sampler({*bootstrap_, timeline, *stream_, &timer});
        StrategyRun* all[]{&strategy_};
        const auto candidates =
            beside_->candidates(all, {timer, [](const auto&) {}, [](const auto&) { return 0.0; }});
        BesideSamples samples;
        samples.strategies = {&strategy_};
        samples.series = sampler.measure(candidates, rule, kSeed, [](double) {});
        return samples;
    }
    [[nodiscard]] const StrategyRun& strategy() const { return strategy_; }

private:
    Backend& backend_;
    std::unique_ptr<Bootstrap> bootstrap_ = make_mpi_bootstrap();
    Parallel parallel_{bootstrap_->size(), bootstrap_->size(), bootstrap_->size()};
    RowMap row_map_{parallel_,
                    std::vector<std::int64_t>(static_cast<std::size_t>(bootstrap_->size()), 9),
                    Padding::sum_len};
    std::unique_ptr<Stream> stream_ = backend_.device->make_stream();
    std::unique_ptr<Communicator> alone_;
    CombineSetup setup_;
    Case params_;
    std::vector<LayerReference> references_;
    std::vector<LayerWeights> weights_;
    std::optional<MoeLayer> layer_;
    std::unique_ptr<Gather> gather_;
    std::optional<CombineInputs> inputs_;
    std::optional<CaseVerifier> verifier_;
    StrategyRun strategy_;
    std::optional<BesideGemm> beside_;
};

template <class Visit>
void for_each_form(Visit&& visit) {
    for (auto& backend : OpenBackends::opened()) {
        for (const bool graph : {false, true}) {
            if (graph && !backend.device->capture_obstacle().empty()) continue;
            SCOPED_TRACE(std::string(backend.name) + (graph ? " graph" : ""));
            SmallCase small(backend, graph);
            visit(small);
        }
    }
}

TEST(BesideGemm, IsRightBesideARightExchange) {
    for_each_form([](auto& small) {
        small.run_experts();
        EXPECT_EQ(small.check_gemm(), "");
        EXPECT_EQ(small.check_output(), "");
    });
}

TEST(BesideGemm, IsFoundWrong) {
    for_each_form([](auto& small) {
        small.break_a_copy();
        // Of two runs of the layer one at least takes the copy that a graph's last GEMM does not.
        std::string wrong;
        for (int run = 0; run < 2; ++run) {
            small.run_experts();
            wrong += small.check_gemm();
        }
        EXPECT_NE(wrong.find("expert rows of the GEMM beside it: "), std::string::npos) << wrong;
    });
}

TEST(BesideGemm, HasTimesOfItsOwnInEverySample) {
    for_each_form([](auto& small) {
        constexpr int kSamples = 8;
        const auto samples = small.measure({kSamples, 1e-9, 1e-9});
        const auto times = samples.of(small.strategy());
        ASSERT_TRUE(times);
        if (make_mpi_bootstrap()->rank() != 0) return;
        for (const auto& seconds : {times->gemm_alone, times->output, times->gemm, times->together,
                                    times->in_turn, times->spread.beside}) {
            EXPECT_GE(seconds.size(), std::size_t{kSamples});
            EXPECT_EQ(seconds.size(), times->together.size());
        }
        const auto median = [](std::span<const double> seconds) {
            return estimate_median({seconds.begin(), seconds.end()}).median;
        };
        constexpr double kResolution = 2e-6;
        EXPECT_GT(median(times->gemm_alone), 0);
        EXPECT_LE(median(times->gemm), median(times->together) + kResolution);
        EXPECT_LE(median(times->output), median(times->together) + kResolution);
    });
    EXPECT_FALSE(BesideSamples().of(StrategyRun()));
}

}  // namespace
}  // namespace moe
