#pragma once

#include "bench/engines/engine_rules.hpp"
#include "bench/moe/parallel.hpp"

#include <string>
#include <string_view>

namespace moe {

/// The strategies of a step, by name; empty where the engine's file has none for it.
struct EngineStrategies {
    std::string gather, combine;
};

/// What an engine whose flag is known runs with this value of the flag, in a topology and with rows
/// padded so.
[[nodiscard]] EngineStrategies engine_strategies(const EngineRules& rules, std::string_view value,
                                                 const Parallel& parallel, Padding padding);

/// The engines that run the combine of this name in such a case, separated by ; each as its newest
/// release: by default, or with :VALUE where its flag (SGLang: --boundary-reduction) must have that
/// value; and sglang-deterministic (--enable-deterministic-inference). Empty where there is one DP
/// rank, to which these steps do not apply.
[[nodiscard]] std::string engine_path(std::string_view combine, const Parallel& parallel,
                                      Padding padding);

/// Whether such a path is one of SGLang's, by default or when told to.
[[nodiscard]] bool runs_in_sglang(std::string_view engine_path);

}  // namespace moe
