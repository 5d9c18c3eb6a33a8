#include "bench/rows.hpp"

#include "bench/moe/layer.hpp"
#include "bench/moe/sglang_gate.hpp"
#include "bench/prepared_case.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

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
ExpertsKernel experts_kernel(const RowContext& context, const Case& one, const CaseLayout& layout) {
    ExpertsKernel found;
    for (int rank = 0; rank < layout.parallel.ranks; ++rank) {
        found.add(MoeLayer::experts_kernel(layer_plan(one, layout.parallel, *layout.row_map, rank),
                                           *context.backend.layer_kernels));
    }
    return found;
}

std::string sms_of(const Communicator& world, const Case& one) {
    if (one.sms != 0) return fmt::format("{}", one.sms);
    const bool chooses = world.sms_obstacle(1).empty();
    return chooses ? "default" : "";
}

}  // namespace

std::string case_id_of(const RowContext& context, const Case& one) {
    const auto& options = context.options;
    return case_id(one, fmt::format("{} {} ranks {} hosts{}{}", context.backend.name,
                                    context.backend.world->size(), context.machine.hosts,
                                    options.cold ? " cold" : "",
                                    options.mode == Mode::pipelined ? " pipelined" : ""));
}

ResultRow describe_row(const RowContext& context, const Case& one, const CaseLayout& layout,
                       const CombineEntry& entry) {
    const auto& machine = context.machine;
    const auto& parallel = layout.parallel;
    ResultRow row;
    row.run_id = context.run_id;
    row.launch = context.options.launch;
    row.launches_planned = context.options.launches;
    row.case_id = case_id_of(context, one);
    row.backend = context.backend.name;
    row.device = context.backend.device->name();
    const auto& placement = context.backend.placement;
    row.claim = placement.claim;
    row.transport = placement.transport;
    row.hosts = machine.hosts;
    row.ranks = parallel.ranks;
    row.ranks_per_device = placement.ranks_per_device;
    row.model = one.model;
    row.hidden = one.hidden;
    row.experts = one.experts;
    row.top_k = one.top_k;
    row.intermediate = one.intermediate;
    row.shared_intermediate = one.shared_intermediate;
    row.scale_experts = one.scale_experts;
    row.tokens = one.tokens;
    row.load = one.load;
    row.routing = one.routing;
    row.phase = one.phase;
    row.padding = one.padding;
    row.dp = one.dp;
    row.ep = one.ep;
    row.gather = one.gather;
    row.combine = entry.name;
    row.form = to_string(entry.form);
    row.dtype = to_string(one.dtype);
    row.graph = one.graph;
    row.skew_us = one.skew_us;
    row.sms = sms_of(*context.backend.world, one);
    row.scope = one.scope;
    row.cache = context.options.cold ? "cold" : "cold_weights";
    row.mode = context.options.mode == Mode::pipelined ? "pipelined"
               : one.graph == kGraphOn                 ? "chained"
                                                       : "isolated";
    row.layers = one.layers;
    row.epilogue = "none";
    row.seed = one.seed;
    row.planted_pct = context.options.planted_pct(entry);
    row.scoring = to_string(one.scoring);
    row.shared_gate = one.shared_gate;
    row.is_baseline = context.options.is_baseline(entry);
    if (!parallel.obstacle().empty()) return row;

    row.attn_tp = parallel.attn_tp();
    row.moe_tp = parallel.moe_tp();
    row.sglang_path = sglang_path(parallel);
    row.tokens_per_rank = layout.tokens_by_dp;
    if (!layout.row_map) return row;

    row.padding = to_string(layout.padding);
    row.rows = layout.row_map->rows();
    row.matrix_bytes = static_cast<double>(layout.row_map->rows() * one.hidden) *
                       static_cast<double>(size_of(one.dtype));
    row.contract_bytes = row.matrix_bytes * (parallel.ranks - 1) / parallel.ranks;
    const auto kernel = experts_kernel(context, one, layout);
    row.experts_kernel = fmt::format("{}", fmt::join(kernel.names, ";"));
    row.experts_tuned = kernel.tuned;
    return row;
}

Timing timing_of(const Series& series, std::size_t rival, bool has_baseline) {
    const auto& seconds = series.seconds[rival];
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

void describe_samples(const Series& output, std::size_t rival, ResultRow& row) {
    const auto& seconds = output.seconds[rival];
    row.samples = static_cast<std::int64_t>(seconds.size());
    row.stop_reason = to_string(output.stop_reason);
    row.repeats = output.repeats;
    const auto seed = static_cast<std::uint64_t>(row.seed) + rival;
    if (const auto effect = predecessor_effect(seconds, output.predecessors[rival], seed)) {
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
