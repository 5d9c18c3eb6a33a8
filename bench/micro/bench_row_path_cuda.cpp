// Routing, permutation and local combine of a layer's tokens.
#include "bench/micro/gpu_bench.hpp"
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/layer_kernels.hpp"
#include "kernels/cuda/topk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace moe {
namespace {

/// A layer of which this GPU holds `local` experts.
struct Layer {
    const char* name;
    std::int64_t hidden, experts, local;
    int top_k;
};
constexpr Layer kLayers[] = {{"qwen3.5-397b-a17b", 4096, 512, 512, 10},
                             {"qwen3.5-397b-a17b_ep8", 4096, 512, 64, 10},
                             {"qwen3-30b-a3b", 2048, 128, 128, 8}};

/// The choice of each token's experts.
class Routed {
public:
    Routed(const GpuBench& bench, const Layer& layer, std::int64_t rows)
        : bench_(bench),
          layer_(layer),
          rows_(rows),
          logits_(bench.upload(random_logits())),
          valid_(bench.upload(std::vector<std::uint8_t>(static_cast<std::size_t>(rows), 1))),
          chosen_(bench.words(rows * layer.top_k)),
          weight_(bench.words(rows * layer.top_k)) {}

    void topk() {
        cuda::launch_topk(
            rows_,
            {logits_.as<float>(), layer_.experts, layer_.top_k, Scoring::softmax, nullptr, valid()},
            routing(), cuda::native(bench_.stream()));
    }
    [[nodiscard]] const std::uint8_t* valid() const { return valid_.as<std::uint8_t>(); }
    [[nodiscard]] Routing routing() const {
        return {chosen_.as<std::int32_t>(), weight_.as<float>()};
    }

private:
    /// The same again from some row on: drawing them takes longer than all else.
    [[nodiscard]] std::vector<float> random_logits() const {
        constexpr std::int64_t kDistinct = 16384;
        std::mt19937 generator(2);
        std::normal_distribution<float> normal;
        std::vector<float> logits(
            static_cast<std::size_t>(std::min(rows_, kDistinct) * layer_.experts));
        for (auto& logit : logits) logit = normal(generator);
        const auto distinct = logits.size();
        logits.resize(static_cast<std::size_t>(rows_ * layer_.experts));
        for (auto i = distinct; i < logits.size(); ++i) logits[i] = logits[i - distinct];
        return logits;
    }

    const GpuBench& bench_;
    Layer layer_;
    std::int64_t rows_;
    Buffer logits_, valid_, chosen_, weight_;
};

/// Routing, permutation and the way back of `rows` tokens.
class RowPath {
public:
    RowPath(const GpuBench& bench, const Layer& layer, std::int64_t rows)
        : bench_(bench),
          layer_(layer),
          rows_(rows),
          capacity_(rows * std::min<std::int64_t>(layer.top_k, layer.local)),
          kernels_(
              make_cuda_layer_kernels_factory()->make(bench.device(), {.rows = rows,
                                                                       .permuted_rows = capacity_,
                                                                       .hidden = layer.hidden,
                                                                       .experts = layer.experts,
                                                                       .local_experts = layer.local,
                                                                       .top_k = layer.top_k,
                                                                       .intermediate = 8,
                                                                       .wire = kType})),
          x_(bench.random(rows * layer.hidden)),
          router_(bench.random(layer.experts * layer.hidden, 1.0F / 2048)),
          permuted_(bench.random(capacity_ * layer.hidden)),
          dense_(bench.random(capacity_ * layer.hidden)),
          to_(bench.random(rows * layer.hidden)),
          routed_(bench, layer, rows),
          expert_offsets_(bench.words(layer.local + 1)),
          offsets_(bench.words(rows + 1)),
          indices_(bench.words(capacity_)),
          weights_(bench.words(capacity_)) {
        routed_.topk();
        permute();
        bench.stream().synchronize();
    }

    void route() {
        kernels_->route(x(),
                        {router_.matrix(layer_.experts, layer_.hidden, kType), nullptr, nullptr,
                         routed_.valid()},
                        routed_.routing(), nullptr, bench_.stream());
    }
    void permute() {
        kernels_->permute(x(), routed_.routing(), nullptr,
                          {{0, layer_.local},
                           false,
                           expert_offsets_.as<std::int32_t>(),
                           permuted_.matrix(capacity_, layer_.hidden, kType),
                           combine()},
                          bench_.stream());
    }
    void weighted_sum() {
        bench_.device().weighted_sum(combine(), dense_.matrix(capacity_, layer_.hidden, kType),
                                     to_.matrix(rows_, layer_.hidden, kType), bench_.stream());
    }

    [[nodiscard]] double row_bytes() const { return kElement * static_cast<double>(layer_.hidden); }
    /// Rows that some local expert gets, and how often in all.
    struct Counts {
        double touched{}, permuted{};
    };
    [[nodiscard]] Counts counts() const {
        std::vector<std::int32_t> offsets(static_cast<std::size_t>(rows_ + 1));
        bench_.device().download(offsets_.data(), reinterpret_cast<std::byte*>(offsets.data()),
                                 offsets_.bytes());
        Counts counts{0, static_cast<double>(offsets.back())};
        for (std::size_t row = 0; row + 1 < offsets.size(); ++row) {
            counts.touched += offsets[row + 1] > offsets[row] ? 1 : 0;
        }
        return counts;
    }

private:
    [[nodiscard]] Matrix x() const { return x_.matrix(rows_, layer_.hidden, kType); }
    [[nodiscard]] WeightedRows combine() const {
        return {rows_, offsets_.as<std::int32_t>(), indices_.as<std::int32_t>(),
                weights_.as<float>()};
    }

    const GpuBench& bench_;
    Layer layer_;
    std::int64_t rows_;
    std::int64_t capacity_;
    std::unique_ptr<LayerKernels> kernels_;
    Buffer x_, router_, permuted_, dense_, to_;
    Routed routed_;
    Buffer expert_offsets_, offsets_, indices_, weights_;
};

/// The matrix product is bound by arithmetic from some hundred experts on, hence tflops.
void route(benchmark::State& state, const GpuBench& bench, const Layer& layer) {
    RowPath path(bench, layer, state.range(0));
    bench.run(state, [&] { path.route(); });
    const auto rows = static_cast<double>(state.range(0));
    const auto experts = static_cast<double>(layer.experts);
    bench.report(state, rows * path.row_bytes() + experts * path.row_bytes(),
                 rows * experts * path.row_bytes());
}

void topk(benchmark::State& state, const GpuBench& bench, const Layer& layer) {
    Routed routed(bench, layer, state.range(0));
    bench.run(state, [&] { routed.topk(); });
    const auto words = static_cast<double>(layer.experts) + 2.0 * layer.top_k;
    bench.report(state, static_cast<double>(state.range(0)) * words * double{kWord});
}

void permute(benchmark::State& state, const GpuBench& bench, const Layer& layer) {
    RowPath path(bench, layer, state.range(0));
    bench.run(state, [&] { path.permute(); });
    const auto counts = path.counts();
    bench.report(state, (counts.touched + counts.permuted) * path.row_bytes());
}

void weighted_sum(benchmark::State& state, const GpuBench& bench, const Layer& layer) {
    RowPath path(bench, layer, state.range(0));
    bench.run(state, [&] { path.weighted_sum(); });
    bench.report(state,
                 (path.counts().permuted + static_cast<double>(state.range(0))) * path.row_bytes());
}

}  // namespace

void add_row_path(const GpuBench& bench) {
    constexpr std::int64_t kDecode = 256;
    constexpr std::int64_t kPrefill = 16384;
    constexpr std::int64_t kGathered = 8 * kPrefill;  // what eight ranks' prefill is to each
    constexpr std::int64_t kMany = 8 * kGathered;     // a launch takes no time beside them
    for (const auto& layer : kLayers) {
        const auto each = [&](const char* kernel, auto function) {
            return add_benchmark(
                       fmt::format("{}/{}", kernel, layer.name),
                       [&bench, &layer, function](auto& state) { function(state, bench, layer); })
                ->Arg(kDecode)
                ->Arg(kPrefill)
                ->Arg(kGathered);
        };
        each("route", route);
        each("topk", topk)->Arg(kMany);
        each("permute", permute);
        each("weighted_sum", weighted_sum);
    }
}

}  // namespace moe
