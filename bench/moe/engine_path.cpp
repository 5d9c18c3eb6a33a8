#include "bench/moe/engine_path.hpp"

#include "bench/moe/engine_gate.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace moe {
namespace {

/// How the engine must be told to run the combine: "" by default, ":VALUE" of its flag, or nothing
/// where no value makes it.
std::optional<std::string> told_by(const EngineRules& rules, std::string_view combine,
                                   const Parallel& parallel, Padding padding) {
    const auto runs = [&](std::string_view value) {
        return engine_strategies(rules, value, parallel, padding).combine == combine;
    };
    if (runs(rules.flag->default_value)) return "";
    for (const auto& [value, choices] : rules.flag->combine) {
        if (runs(value)) return ":" + value;
    }
    return std::nullopt;
}

}  // namespace

EngineStrategies engine_strategies(const EngineRules& rules, std::string_view value,
                                   const Parallel& parallel, Padding padding) {
    MOE_EXPECT(rules.flag.has_value(), "the engine's flag is known");
    StepFacts facts;
    facts.set(StepFact::max_len, padding == Padding::max_len);
    facts.set(StepFact::gate_open, gate_closed_by(rules, parallel).empty());
    const auto* gather = chosen(rules.flag->gather, facts);
    const auto* combine = chosen(rules.flag->combine.at(std::string(value)), facts);
    return {gather == nullptr ? "" : *gather, combine == nullptr ? "" : *combine};
}

std::string engine_path(std::string_view combine, const Parallel& parallel, Padding padding) {
    if (parallel.dp == 1) return {};
    std::vector<std::string> engines;
    for (const auto& rules : engine_rules()) {
        if (!rules.flag || !is_newest(rules)) continue;
        if (const auto told = told_by(rules, combine, parallel, padding)) {
            engines.push_back(rules.name + *told);
        }
        if (rules.flag->deterministic == combine) {
            engines.push_back(rules.engine + "-deterministic");
        }
    }
    return fmt::format("{}", fmt::join(engines, ";"));
}

bool runs_in_sglang(std::string_view engine_path) {
    return engine_path.starts_with(find_engine_rules("sglang").name);
}

}  // namespace moe
