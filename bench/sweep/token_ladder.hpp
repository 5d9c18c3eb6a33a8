#pragma once

#include "bench/moe/engine_padding.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace moe {

/// Tokens of each DP rank at which CollectiveX measures steps of these phases, from the fewest on:
/// powers of two, 1 to 512 for decode and 1024 to 8192 for prefill (SemiAnalysisAI/InferenceX,
/// experimental/CollectiveX/configs/sweep.json at 6f729759c7adecf835a5f0c65e382bb3a46db783).
/// It has no mixed steps.
[[nodiscard]] std::vector<std::int64_t> collectivex_ladder(std::span<const StepPhase> phases);

}  // namespace moe
