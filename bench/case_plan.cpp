#include "bench/case_plan.hpp"

#include "bench/cases.hpp"
#include "bench/moe/load.hpp"
#include "bench/moe/sglang_gate.hpp"
#include "bench/prepared_case.hpp"
#include "comm/named_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace moe {
namespace {

/// The share of free memory that a case may take: libraries and the page cache live there too.
constexpr double kMemoryShare = 0.9;

Padding resolved_padding(const Case& one, const Layout& layout) {
    if (one.padding == kSglangPadding) {
        const auto phase = one.phase == "prefill" ? StepPhase::prefill : StepPhase::decode;
        return sglang_padding(phase, layout.tokens_by_dp, layout.parallel.attn_tp());
    }
    return one.padding == "max_len" ? Padding::max_len : Padding::sum_len;
}

/// Everything that weights and reference depend on.
std::string weights_key(const Case& one) {
    auto same = one;
    same.tokens = 0;
    same.load = same.gather = same.padding = same.phase = same.scope = "";
    same.dp = 0;
    return case_id(same, "weights");
}

}  // namespace

Layout lay_out(const Case& one, int ranks) {
    Layout layout;
    layout.parallel = {ranks, static_cast<int>(one.dp), static_cast<int>(one.ep)};
    const auto& parallel = layout.parallel;
    const Load load(one.load);
    layout.obstacle = parallel.obstacle();
    if (layout.obstacle.empty()) layout.obstacle = load.obstacle(parallel.dp);
    if (!layout.obstacle.empty()) return layout;

    layout.tokens_by_dp = load.deal(one.tokens, parallel.dp);
    layout.padding = resolved_padding(one, layout);
    const auto rows_by_dp = padded_tokens(layout.tokens_by_dp, parallel.attn_tp(), layout.padding);
    const auto rows = std::accumulate(rows_by_dp.begin(), rows_by_dp.end(), std::int64_t{0});
    // MPI counts elements, and the kernels index rows, in 32 bits.
    constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
    const auto width = std::max(one.hidden, one.top_k + 1);
    if (rows > kMost / width) {
        layout.obstacle = fmt::format(
            "{} rows of {} elements are more than the {} that one call "
            "exchanges",
            rows, width, kMost);
        return layout;
    }
    layout.row_map.emplace(parallel, layout.tokens_by_dp, layout.padding);
    return layout;
}

std::string CasePlanner::backend_obstacle(const Case& one, const Layout& layout) const {
    if (!parts_.backend.layer_kernels) {
        return fmt::format("the {} backend has no kernels for the layer", parts_.backend.name);
    }
    const auto& gather = find_named(gather_table(), one.gather, "gather");
    return gather.obstacle({*parts_.backend.device, *parts_.backend.world, layout.row_map->owned(),
                            one.hidden, one.dtype});
}

CaseNeeds CasePlanner::needs(const Case& one, const Layout& layout) {
    auto& device = *parts_.backend.device;
    auto& world = *parts_.backend.world;
    const auto& kernels = *parts_.backend.layer_kernels;
    const int rank = parts_.control.rank();
    const auto shape = shape_of(one);

    CaseNeeds needs;
    auto& weights = needs.weights;
    weights = {.shape = shape,
               .shard = shard_of(shape, layout.parallel, rank),
               .compute = kernels.compute_dtype(one.dtype),
               .seed = static_cast<std::uint64_t>(one.seed)};
    const auto layers = static_cast<std::size_t>(one.layers);
    const auto copy = LayerWeights::copy_bytes(weights);
    weights.copies = LayerWeights::cold_copies(layers * copy, device.cache_bytes());
    needs.weights_key = weights_key(one);
    needs.weight_bytes = layers * (static_cast<std::size_t>(weights.copies) * copy +
                                   LayerWeights::fixed_bytes(weights));

    const auto& owned = layout.row_map->owned();
    const CombineSetup combine{device, world,      group_for(layout.parallel),
                               owned,  one.hidden, one.dtype};
    const auto& gather = find_named(gather_table(), one.gather, "gather");
    needs.activation_bytes =
        PreparedCase::bytes(layer_plan(one, layout.parallel, *layout.row_map, rank), kernels,
                            combine, parts_.options.combines) +
        gather.cost({device, world, owned, one.hidden, one.dtype}).workspace_bytes;
    return needs;
}

std::string CasePlanner::memory_obstacle(std::size_t bytes) {
    auto& control = parts_.control;
    const double on_host = control.max(static_cast<double>(bytes)) * parts_.machine.ranks_on_host;
    const double free =
        -control.max(-static_cast<double>(parts_.backend.device->memory_available()));
    if (on_host <= kMemoryShare * free) return {};
    return fmt::format(
        "needs {} more memory on a host of {} ranks, {} of {} free may be used; "
        "fewer --tokens or --scale-experts helps",
        gibibytes(on_host), parts_.machine.ranks_on_host, gibibytes(kMemoryShare * free),
        gibibytes(free));
}

Communicator& CasePlanner::group_for(const Parallel& parallel) {
    auto& group = groups_[parallel.dp];
    if (!group) {
        group = parts_.backend.world->split(parallel.dp_index(parts_.control.rank()));
    }
    return *group;
}

std::string gibibytes(double bytes) {
    return fmt::format("{:.1f} GiB", bytes / (1U << 30U));
}

}  // namespace moe
