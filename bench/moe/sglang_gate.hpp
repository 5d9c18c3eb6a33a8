#pragma once

#include "bench/moe/parallel.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace moe {

/// The output path that SGLang would take for this topology, by its
/// should_use_dp_reduce_scatterv(): DP attention with more than one DP rank, as many
/// expert-parallel as DP ranks (PR 22642), and as many ranks as DP ranks (PR 32663).
/// "reduce_scatterv", or "all_reduce_dp_scatter: <why>". Its two other conditions, no all-to-all
/// backend and no FP4 all-gather, hold for all that is measured here.
[[nodiscard]] std::string sglang_path(const Parallel& parallel);

/// What a serving step does: prefill of at least one request, or decode of all.
enum class StepPhase : std::uint8_t { prefill, decode };

/// How SGLang would pad this step, by its DpPaddingMode.get_dp_padding_mode(): a step with any
/// prefill is not padded; decode is padded to the maximum where that at most doubles the rows. (A
/// CUDA graph of a decode step is always padded to the maximum; nothing here is in a graph yet.)
[[nodiscard]] Padding sglang_padding(StepPhase phase, std::span<const std::int64_t> tokens_by_dp,
                                     int attn_tp);

}  // namespace moe
