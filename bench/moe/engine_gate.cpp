#include "bench/moe/engine_gate.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

namespace moe {
namespace {

/// Why a condition does not hold; empty where it does.
std::string broken_by(GateCondition condition, const Parallel& parallel) {
    switch (condition) {
        case GateCondition::several_dp_ranks:
            return parallel.dp > 1 ? "" : "dp is 1";
        case GateCondition::ep_is_dp:
            if (parallel.ep == parallel.dp) return {};
            return fmt::format("ep {} is not dp {}", parallel.ep, parallel.dp);
        case GateCondition::every_rank_is_dp:
            if (parallel.ranks == parallel.dp) return {};
            return fmt::format("{} ranks are not dp {}", parallel.ranks, parallel.dp);
    }
    raise(MOE_SITE("condition"), "unknown GateCondition");
}

}  // namespace

std::string gate_closed_by(const EngineRules& rules, const Parallel& parallel) {
    MOE_EXPECT(rules.gate.has_value(), "the engine's gate is known");
    for (const auto condition : *rules.gate) {
        auto why = broken_by(condition, parallel);
        if (!why.empty()) return why;
    }
    return {};
}

std::string sglang_path(const Parallel& parallel) {
    const auto why = gate_closed_by(find_engine_rules("sglang"), parallel);
    return why.empty() ? "reduce_scatterv" : fmt::format("all_reduce_dp_scatter: {}", why);
}

}  // namespace moe
