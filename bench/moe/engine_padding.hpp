#pragma once

#include "bench/engines/engine_rules.hpp"
#include "bench/moe/parallel.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace moe {

/// What a serving step does: prefill of all requests, decode of all, or prefill of some beside
/// decode of others.
enum class StepPhase : std::uint8_t { prefill, decode, mixed };
[[nodiscard]] std::string_view to_string(StepPhase phase);

/// What a rule for padding may ask about a step beside its tokens.
struct EngineStep {
    StepPhase phase{};
    bool graph{};              ///< it is replayed from a CUDA graph
    std::int64_t row_bytes{};  ///< of one row on the wire
};

/// Whether the engine's rule for padding depends on the phase of a step.
[[nodiscard]] bool padding_asks_for_phase(const EngineRules& rules);

/// Padding that an engine whose rule is known chooses for a step. Tokens of each DP rank are first
/// rounded up to a multiple of attn_tp.
[[nodiscard]] Padding engine_padding(const EngineRules& rules, const EngineStep& step,
                                     std::span<const std::int64_t> tokens_by_dp, int attn_tp);

}  // namespace moe
