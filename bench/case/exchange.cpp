#include "bench/case/exchange.hpp"

#include "comm/contract_cost.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moe {
namespace {

/// Of a router that likes all experts alike. Every rank has a part of the shared expert.
WeightedShape weighted_shape(const LayerShape& shape, int ep, DType compute) {
    const bool shared = shape.shared_intermediate > 0;
    const double routed = static_cast<double>(shape.top_k) / ep;
    return {.entries = routed + (shared ? 1 : 0),
            .present = shared ? 1 : 1 - std::pow(1 - 1.0 / ep, shape.top_k),
            .dtype = compute};
}

/// Collective. Nothing where no strategy chooses by them, or where there is nothing to choose.
std::optional<Speeds> measured_speeds(const CombineSetup& setup,
                                      std::span<const CombineEntry* const> combines,
                                      const PreparedCase::Parts& parts) {
    const bool asked = std::ranges::any_of(combines, [&](const CombineEntry* entry) {
        return entry->by_speeds && entry->obstacle(setup).empty();
    });
    if (!asked || setup.world.size() == 1 || setup.owned.total() == 0) return std::nullopt;
    auto& calibration = parts.calibration;
    calibration.begin_case(setup.captured);
    const auto sent = contract_cost(setup.owned, setup.group.size(), setup.row_bytes()).link_bytes;
    return Speeds{.link = parts.one_memory ? std::numeric_limits<double>::infinity()
                                           : calibration.link_bandwidth(sent),
                  .memory = calibration.memory_bandwidth(setup.all_bytes(), setup.dtype),
                  .barrier = calibration.barrier_seconds()};
}

}  // namespace

CombineSetup exchange_setup(const Case& params, const CaseLayout& layout,
                            const ExchangeParts& parts) {
    return {.device = parts.device,
            .world = parts.world,
            .group = parts.group,
            .owned = layout.row_map->owned(),
            .cols = params.shape.hidden,
            .dtype = params.dtype,
            .captured = params.graph,
            .sms = params.sms,
            .auto_table = parts.auto_table,
            .weighted = weighted_shape(params.shape, layout.parallel.ep,
                                       parts.kernels.compute_dtype(params.dtype))};
}

CombineSetup measured_exchange(const Case& params, const CaseLayout& layout,
                               std::span<const CombineEntry* const> combines,
                               const PreparedCase::Parts& parts) {
    auto setup = exchange_setup(
        params, layout, {parts.device, parts.world, parts.group, parts.kernels, parts.auto_table});
    setup.speeds = measured_speeds(setup, combines, parts);
    const auto reach = weighted_reach(setup, combines);
    if (!reach) return setup;
    const auto plan = layer_plan(params, layout.parallel, *layout.row_map, setup.world.rank());
    auto bytes = MoeLayer::weighted_layout(plan, parts.kernels).bytes();
    const GatherSetup gather{parts.device, parts.world, setup.owned,
                             setup.cols,   setup.dtype, setup.captured};
    if (params.gather->output(gather) == reach) {
        bytes += static_cast<std::size_t>(setup.all_bytes());
    }
    setup.weighted.unreachable = setup.world.no_peer_room(bytes, *reach);
    return setup;
}

std::optional<Reach> weighted_reach(const CombineSetup& setup,
                                    std::span<const CombineEntry* const> combines) {
    for (const auto* entry : combines) {
        if (!entry->obstacle(setup).empty()) continue;
        const auto needs = entry->input(setup);
        if (needs.weighted() && needs.reach) return needs.reach;
    }
    return std::nullopt;
}

}  // namespace moe
