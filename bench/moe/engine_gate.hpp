#pragma once

#include "bench/engines/engine_rules.hpp"
#include "bench/moe/parallel.hpp"

#include <string>

namespace moe {

/// Why the engine's gate is closed for this topology: its first condition that does not hold. Empty
/// where the gate is open. Of an engine whose gate is known.
[[nodiscard]] std::string gate_closed_by(const EngineRules& rules, const Parallel& parallel);

/// The output path that the newest SGLang would take for this topology, by its gate:
/// "reduce_scatterv", or "all_reduce_dp_scatter: <why>".
[[nodiscard]] std::string sglang_path(const Parallel& parallel);

}  // namespace moe
