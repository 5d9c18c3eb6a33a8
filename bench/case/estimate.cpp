#include "bench/case/estimate.hpp"

#include "bench/verify/exact.hpp"
#include "bench/verify/reference.hpp"
#include "kernels/runtime/clock.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace moe {
namespace {

/// Large enough that its weights, 48 MiB in f32, are read from memory.
constexpr LayerShape kTrial{1024, 8, 2, 512, 0, Scoring::softmax, false};
constexpr std::int64_t kManyRows = 128;  ///< for each expert

/// Seconds of the slowest rank.
template <class Action>
double timed(Bootstrap& bootstrap, Action&& action) {
    bootstrap.barrier();
    const double start = steady_seconds();
    action();
    return bootstrap.max(steady_seconds() - start);
}

/// The experts of the trial layer on `rows` rows each, the second time.
double time_experts(Backend& backend, Bootstrap& bootstrap, const LayerWeights& weights,
                    std::int64_t rows) {
    auto& device = *backend.device;
    const auto stream = device.make_stream();
    const auto all = kTrial.experts * rows;
    const auto kernels = backend.layer_kernels->make(device, {.rows = all / kTrial.top_k,
                                                              .permuted_rows = all,
                                                              .hidden = kTrial.hidden,
                                                              .experts = kTrial.experts,
                                                              .local_experts = kTrial.experts,
                                                              .top_k = kTrial.top_k,
                                                              .intermediate = kTrial.intermediate,
                                                              .wire = weights.plan().compute});
    const auto bytes =
        static_cast<std::size_t>(all * kTrial.hidden) * size_of(weights.plan().compute);
    const auto in = device.allocate(bytes);
    const auto out = device.allocate(bytes);
    const auto permuted = in.matrix(all, kTrial.hidden, weights.plan().compute);
    const auto dense = out.matrix(all, kTrial.hidden, weights.plan().compute);
    device.clear(permuted, *stream);
    std::vector<std::int32_t> first;
    for (std::int64_t e = 0; e <= kTrial.experts; ++e) {
        first.push_back(static_cast<std::int32_t>(e * rows));
    }
    const auto offsets = device.allocate(first.size() * sizeof(std::int32_t));
    device.upload(reinterpret_cast<const std::byte*>(first.data()), offsets.data(),
                  offsets.bytes());
    const auto run = [&] {
        kernels->experts(
            {permuted, offsets.as<std::int32_t>(), kTrial.experts, weights.experts(0), dense},
            *stream);
        stream->synchronize();
    };
    run();
    return timed(bootstrap, run);
}

double mlp_weights(const LayerShape& shape, const Shard& shard) {
    return 3.0 *
           static_cast<double>(shape.hidden * (shard.experts.size() * shard.intermediate.size()));
}

double shared_weights(const LayerShape& shape, const Shard& shard) {
    return 3.0 * static_cast<double>(shape.hidden * shard.shared.size());
}

/// Seconds of local combine and combine, as so many passes over all rows.
double output_seconds(const Case& params, const CaseLayout& layout, const Speed& speed) {
    constexpr double kPasses = 16;
    const auto elements = static_cast<double>(layout.row_map->rows() * params.shape.hidden);
    return kPasses * elements * static_cast<double>(size_of(params.dtype)) / speed.weight_bytes;
}

/// Seconds of one step: weights of the experts that some token is expected to choose are read, and
/// each row is multiplied with its own.
double step_seconds(const Case& params, const CaseLayout& layout, const LayerWeights::Plan& weights,
                    const Speed& speed) {
    const auto& shape = weights.shape;
    const auto tokens = static_cast<double>(params.tokens);
    const auto rows = static_cast<double>(layout.row_map->rows());
    const double chosen = shape.top_k / static_cast<double>(shape.experts);
    const double touched = 1 - std::pow(1 - chosen, tokens);
    const double routed = mlp_weights(shape, weights.shard);
    const double shared = shared_weights(shape, weights.shard);
    const auto element = static_cast<double>(size_of(weights.compute));
    const double read = (touched * routed + (tokens > 0 ? shared : 0)) * element;
    // Every expert's weights meet a share `chosen` of the tokens.
    const double multiplied = tokens * (chosen * routed + shared) +
                              rows * static_cast<double>(shape.hidden * shape.experts);
    const double layer = read / speed.weight_bytes + 2 * multiplied / speed.flops +
                         2 * output_seconds(params, layout, speed);  // the gather is its mirror
    return static_cast<double>(params.layers) * layer;
}

}  // namespace

Speed measure_speed(Backend& backend, Bootstrap& bootstrap) {
    const Parallel alone{1, 1, 1};
    LayerWeights::Plan plan{.shape = kTrial,
                            .shard = shard_of(kTrial, alone, 0),
                            .compute = backend.layer_kernels->compute_dtype(DType::bf16),
                            .seed = 1};
    const double count = mlp_weights(kTrial, plan.shard);
    Speed speed;
    std::vector<LayerWeights> weights;
    speed.weights_made =
        count / timed(bootstrap, [&] { weights.emplace_back(*backend.device, plan); });
    LayerReference reference(kTrial, alone, plan.compute, 1);
    speed.reference_weights = static_cast<double>(reference_weights(kTrial)) /
                              timed(bootstrap, [&] { static_cast<void>(reference.row(0)); });
    constexpr std::int64_t kRows = 256;
    const ExactData exact(DType::bf16, backend.world->size(), 1);
    speed.exact_elements = static_cast<double>(kRows * kTrial.hidden) / timed(bootstrap, [&] {
                               static_cast<void>(exact.contribution(0, kRows, kTrial.hidden, 0));
                           });
    const double one_row = time_experts(backend, bootstrap, weights.front(), 1);
    speed.weight_bytes = count * static_cast<double>(size_of(plan.compute)) / one_row;
    const double many_rows = time_experts(backend, bootstrap, weights.front(), kManyRows);
    speed.flops = 2 * count * static_cast<double>(kManyRows) / many_rows;
    return speed;
}

double estimate_seconds(const Case& params, const CaseLayout& layout, const CaseNeeds& needs,
                        const Options& options, const Speed& speed, bool makes_weights) {
    const auto& shape = needs.weights.shape;
    const auto layers = static_cast<double>(params.layers);
    const auto strategies = static_cast<double>(options.combines.size());
    const double step = step_seconds(params, layout, needs.weights, speed);
    double seconds = 0;
    if (makes_weights) {
        const double made = mlp_weights(shape, needs.weights.shard) +
                            shared_weights(shape, needs.weights.shard) +
                            static_cast<double>(shape.experts * shape.hidden);
        seconds += layers * made / speed.weights_made;
    }
    if (options.verify != Verify::off) {
        // Two runs before and two after, with the same data for all strategies: what every rank
        // gives, and the sums that one wants.
        const auto& owned = layout.row_map->owned();
        const auto wanted = owned.largest() * layout.parallel.attn_tp() * owned.ranks();
        const auto elements = static_cast<double>((owned.total() + wanted) * params.shape.hidden);
        seconds += 4 * elements / speed.exact_elements;
    }
    if (options.verify == Verify::full) {
        constexpr double kSampledRows = 3;
        seconds += strategies * 2 * step + layers * kSampledRows *
                                               static_cast<double>(reference_weights(shape)) /
                                               speed.reference_weights;
    }
    // Samples until the budget is spent, and at least so many; each after a run of the exchange
    // that warms it up.
    const bool with_layer = params.scope == Scope::layer;
    const bool beside = params.beside == Beside::gemm;
    const double share = options.budget_seconds / (2 + (with_layer ? 1 : 0) + (beside ? 1 : 0));
    const double output = output_seconds(params, layout, speed);
    const double cold = static_cast<double>(needs.cold_bytes) / speed.weight_bytes;
    const int runs = options.mode == Mode::pipelined ? kShortestBurst : 1;
    const auto late = static_cast<double>(params.skew_us) * 1e-6;
    const auto samples = [&](double run) {
        return std::max(share,
                        options.min_samples * strategies * (runs * run + output + cold + late));
    };
    seconds += step / layers + 2 * samples(output);
    if (beside) {  // the GEMM alone, and two works of each strategy
        const double gemm = step / layers;
        const double works = 2 * strategies + 1;
        seconds += std::max(share, options.min_samples * works * (gemm + 2 * output + cold + late));
    }
    if (with_layer) {
        const double instrumented = std::max(3, options.min_samples / 4) / layers;
        seconds += samples(step) + strategies * instrumented * (step + layers * cold);
    }
    return seconds;
}

Forecaster::Forecaster(const CasePlanner::Parts& parts, CasePlanner& planner, Heartbeat& heartbeat)
    : parts_(parts), planner_(planner), least_(with_effort(parts.options, kLeastEffort)) {
    heartbeat.set_phase("measuring this machine's speed");
    speed_ = measure_speed(parts.backend, parts.bootstrap);
}

CaseEstimate Forecaster::estimate(const Case& params) {
    const auto layout = lay_out(params, parts_.backend.world->size());
    CaseEstimate estimate{.obstacle = layout.obstacle, .bytes = 0, .seconds = {}};
    if (estimate.obstacle.empty()) estimate.obstacle = planner_.backend_obstacle(params, layout);
    if (!estimate.obstacle.empty()) return estimate;
    const auto needs = planner_.needs(params, layout);
    const auto bytes = needs.weight_bytes + needs.activation_bytes;
    estimate.obstacle = planner_.memory_obstacle(bytes);
    estimate.bytes = parts_.bootstrap.max(static_cast<double>(bytes));
    if (!estimate.obstacle.empty()) return estimate;
    const bool makes_weights = needs.weights_key != weights_key_;
    const auto seconds = [&](const Options& options) {
        return parts_.bootstrap.max(
            estimate_seconds(params, layout, needs, options, speed_, makes_weights));
    };
    estimate.seconds = {seconds(parts_.options), seconds(least_)};
    weights_key_ = needs.weights_key;
    return estimate;
}

}  // namespace moe
