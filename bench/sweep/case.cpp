#include "bench/sweep/case.hpp"

namespace moe {

std::string_view to_string(Scope scope) {
    return scope == Scope::layer ? "layer" : "output";
}

std::string_view to_string(Cache cache) {
    return cache == Cache::warm ? "cold_weights" : "cold";
}

std::string_view to_string(const PaddingRule& rule) {
    if (const auto* fixed = std::get_if<Padding>(&rule)) return to_string(*fixed);
    return std::get<const EngineRules*>(rule)->padding_name;
}

bool asks_for_phase(const PaddingRule& rule) {
    const auto* const* engine = std::get_if<const EngineRules*>(&rule);
    return engine != nullptr && padding_asks_for_phase(**engine);
}

}  // namespace moe
