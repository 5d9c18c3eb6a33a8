#include "bench/report/rows.hpp"

#include "bench/case/prepared_case.hpp"
#include "bench/engines/engine_env.hpp"
#include "bench/moe/engine_gate.hpp"
#include "bench/moe/engine_path.hpp"
#include "bench/moe/layer.hpp"
#include "bench/sweep/case_texts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

namespace moe {
namespace {

constexpr double kMicro = 1e6;

Estimate scaled(Estimate estimate, double factor) {
    estimate.median *= factor;
    if (estimate.low) *estimate.low *= factor;
    if (estimate.high) *estimate.high *= factor;
    return estimate;
}

std::optional<double> scaled(std::optional<double> value, double factor) {
    return value ? std::optional(*value * factor) : std::nullopt;
}

/// Of all ranks, whose shares of the layer may differ in size.
ExpertsKernel experts_kernel(const RowContext& context, const Case& params,
                             const CaseLayout& layout) {
    ExpertsKernel found;
    for (int rank = 0; rank < layout.parallel.ranks; ++rank) {
        found.add(
            MoeLayer::experts_kernel(layer_plan(params, layout.parallel, *layout.row_map, rank),
                                     *context.backend.layer_kernels));
    }
    return found;
}

/// Nothing where there are no rows.
std::optional<double> rows_padded_pct(const RowMap& map) {
    if (map.rows() == 0) return std::nullopt;
    const auto padded = std::ranges::count(map.token_of_row(), -1);
    return 100.0 * static_cast<double>(padded) / static_cast<double>(map.rows());
}

std::string sms_of(const Backend& backend, const Case& params) {
    if (params.sms != 0) return fmt::format("{}", params.sms);
    return backend.gpus ? "default" : "";
}

}  // namespace

std::string case_id_of(const RowContext& context, const Case& params) {
    const auto& options = context.options;
    return case_id(params, fmt::format("{} {} ranks {} hosts{}", context.backend.name,
                                       context.backend.world->size(), context.machine.hosts,
                                       options.mode == Mode::pipelined ? " pipelined" : ""));
}

ResultRow describe_row(const RowContext& context, const Case& params, const CaseLayout& layout,
                       const CombineEntry& entry) {
    const auto& machine = context.machine;
    const auto& parallel = layout.parallel;
    ResultRow row;
    row.run_id = context.run_id;
    row.launch = context.options.launch;
    row.launches_planned = context.options.launches;
    row.case_id = case_id_of(context, params);
    row.backend = context.backend.name;
    row.device = context.backend.device->name();
    const auto& placement = context.backend.placement;
    row.claim = placement.claim;
    row.transport = placement.transport;
    row.hosts = machine.hosts;
    row.ranks = parallel.ranks;
    row.ranks_per_device = placement.ranks_per_device;
    row.model = params.model->name;
    row.hidden = params.shape.hidden;
    row.experts = params.shape.experts;
    row.top_k = params.shape.top_k;
    row.intermediate = params.shape.intermediate;
    row.shared_intermediate = params.shape.shared_intermediate;
    row.scale_experts = params.scale_experts;
    row.tokens = params.tokens;
    row.load = params.load.text();
    row.routing = routing_text(params.shape.expert_zipf);
    if (params.phase) row.phase = to_string(*params.phase);
    row.padding = to_string(params.padding);
    row.dp = params.dp;
    row.ep = params.ep;
    row.gather = params.gather->name;
    row.combine = entry.name;
    row.form = to_string(entry.form);
    row.dtype = to_string(params.dtype);
    row.graph = params.graph ? "on" : "off";
    row.skew_us = params.skew_us;
    if (params.pads_to_graphs()) row.graph_sizes = to_string(params.graph_sizes);
    row.nccl_version = context.backend.nccl_version;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): only the main thread reads and sets variables
    if (!row.nccl_version.empty()) row.nvls = nvls_state(std::getenv("NCCL_NVLS_ENABLE"));
    row.sms = sms_of(context.backend, params);
    row.scope = to_string(params.scope);
    row.cache = to_string(params.cache);
    row.beside = to_string(params.beside);
    row.mode = context.options.mode == Mode::pipelined ? "pipelined"
               : params.graph                          ? "chained"
                                                       : "isolated";
    row.layers = params.layers;
    row.epilogue = to_string(params.epilogue);
    row.seed = params.seed;
    row.planted_pct = context.options.slowdown_pct(entry);
    row.scoring = to_string(params.shape.scoring);
    row.shared_gate = params.shape.shared_gate;
    if (params.steps > 0) {
        row.steps = params.steps;
        row.steps_source = context.options.steps_source;
    }
    row.is_baseline = context.options.is_baseline(entry);
    row.by_table = entry.by_table;
    if (!parallel.obstacle().empty()) return row;

    row.attn_tp = parallel.attn_tp();
    row.moe_tp = parallel.moe_tp();
    row.sglang_path = sglang_path(parallel);
    row.engine_path = engine_path(entry.name, parallel, layout.padding);
    row.tokens_per_rank = layout.tokens_by_dp;
    if (!layout.row_map) return row;

    row.padding = to_string(layout.padding);
    row.rows = layout.row_map->rows();
    row.rows_padded_pct = rows_padded_pct(*layout.row_map);
    row.matrix_bytes = static_cast<double>(layout.row_map->rows() * params.shape.hidden) *
                       static_cast<double>(size_of(params.dtype));
    row.contract_bytes = row.matrix_bytes * (parallel.ranks - 1) / parallel.ranks;
    const auto kernel = experts_kernel(context, params, layout);
    row.experts_kernel = fmt::format("{}", fmt::join(kernel.names, ";"));
    row.experts_tuned = kernel.tuned;
    return row;
}

Timing timing_of(const Series& series, std::size_t candidate, bool has_baseline) {
    const auto& seconds = series.seconds[candidate];
    Timing timing{scaled(estimate_median(seconds), kMicro),
                  *std::min_element(seconds.begin(), seconds.end()) * kMicro,
                  scaled(percentile(seconds, 95), kMicro),
                  scaled(percentile(seconds, 99), kMicro),
                  {},
                  scaled(interquartile_range(seconds), kMicro)};
    if (has_baseline) {
        timing.speedup = estimate_median(paired_ratios(series.seconds.front(), seconds));
    }
    return timing;
}

BesideTimes beside_times_of(const BesideSamples::Times& times, bool shares_core) {
    const auto us = [](std::span<const double> seconds) {
        return scaled(estimate_median({seconds.begin(), seconds.end()}), kMicro);
    };
    auto slowdowns = paired_ratios(times.gemm, times.gemm_alone);
    for (auto& slowdown : slowdowns) slowdown = 100 * (slowdown - 1);
    return {.gemm_alone = us(times.gemm_alone),
            .output = us(times.output),
            .gemm = us(times.gemm),
            .together = us(times.together),
            .in_turn = us(times.in_turn),
            .slowdown_pct = estimate_median(slowdowns),
            .gain = estimate_median(paired_ratios(times.in_turn, times.together)),
            .shares_core = shares_core};
}

void describe_samples(const Series& output, std::size_t candidate, ResultRow& row) {
    const auto& seconds = output.seconds[candidate];
    row.samples = static_cast<std::int64_t>(seconds.size());
    row.stop_reason = to_string(output.stop_reason);
    row.repeats = output.repeats;
    const auto seed = static_cast<std::uint64_t>(row.seed) + candidate;
    if (const auto effect = carry_over_effect(seconds, output.predecessors[candidate], seed)) {
        row.predecessor_pct = 100 * effect->largest;
        row.predecessor_p = effect->p;
    }
}

ResultRow::Phases phases_of(const PhaseSplit& split) {
    const auto at = [&](std::string_view name) {
        const auto index =
            std::find(phase::kAll.begin(), phase::kAll.end(), name) - phase::kAll.begin();
        return split.phases[static_cast<std::size_t>(index)] * kMicro;
    };
    return {.gather = at(phase::kGather),
            .route = at(phase::kRoute),
            .permute = at(phase::kPermute),
            .experts = at(phase::kExperts),
            .local_combine = at(phase::kLocalCombine),
            .shared = at(phase::kShared),
            .wait = split.wait * kMicro,
            .arrival_spread = split.arrival_spread * kMicro};
}

}  // namespace moe
