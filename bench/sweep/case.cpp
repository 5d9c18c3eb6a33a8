#include "bench/sweep/case.hpp"

namespace moe {

std::string_view to_string(Scope scope) {
    return scope == Scope::layer ? "layer" : "output";
}

std::string_view to_string(Cache cache) {
    return cache == Cache::warm ? "cold_weights" : "cold";
}

std::string_view to_string(Beside beside) {
    return beside == Beside::none ? "none" : "gemm";
}

std::string_view to_string(const PaddingRule& rule) {
    const auto* engine = engine_of(rule);
    if (engine == nullptr) return to_string(std::get<Padding>(rule));
    return engine->padding_name;
}

const EngineRules* engine_of(const PaddingRule& rule) {
    const auto* const* engine = std::get_if<const EngineRules*>(&rule);
    return engine == nullptr ? nullptr : *engine;
}

bool asks_for_phase(const PaddingRule& rule) {
    const auto* engine = engine_of(rule);
    return engine != nullptr && padding_asks_for_phase(*engine);
}

}  // namespace moe
