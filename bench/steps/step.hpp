#pragma once

#include "bench/moe/engine_padding.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moe {

enum class Engine : std::uint8_t { unknown, sglang, vllm, tensorrt_llm };

/// One step that an engine ran, or several that were alike.
struct Step {
    Engine engine{};
    std::optional<StepPhase> phase;
    /// Rows of each DP rank in the CUDA graph that was replayed; 0: no graph.
    std::optional<std::int64_t> graph_rows;
    std::vector<std::int64_t> tokens;  ///< of each DP rank
    std::int64_t count{1};
    std::optional<double> us;  ///< of the whole step, all layers
};

/// Steps of one deployment, and what is known of it.
struct StepFile {
    std::string source;  ///< for people: the file, or the model that made the steps up
    std::optional<std::int64_t> dp, tp, ep, attn_tp;
    std::optional<StepPhase> role;     ///< a node that does only this; for steps that do not say
    std::string all_to_all;            ///< backend of the exchange; empty where there is none
    std::vector<std::string> engines;  ///< with their versions, each once
    std::vector<Step> steps;

    /// DP ranks of the steps.
    [[nodiscard]] int dp_ranks() const { return static_cast<int>(steps.front().tokens.size()); }
};

/// As many tokens as one step may have.
inline constexpr std::int64_t kMaxStepTokens = 1 << 24;

}  // namespace moe
