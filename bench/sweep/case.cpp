#include "bench/sweep/case.hpp"

namespace moe {

std::string_view to_string(Scope scope) {
    return scope == Scope::layer ? "layer" : "output";
}

std::string_view to_string(Cache cache) {
    return cache == Cache::warm ? "cold_weights" : "cold";
}

std::string_view to_string(const PaddingRule& rule) {
    return std::visit([](auto kind) { return to_string(kind); }, rule);
}

}  // namespace moe
