#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace moe {

/// How a router's logit x becomes an expert's score. Each grows with x, so the best logits have the
/// best scores. The weight of a chosen expert is its score divided by the sum of the chosen ones'.
/// Some published routers choose by the score plus a correction bias, and multiply all weights by a
/// routed_scaling_factor: here the bias is 0 and the factor 1.
enum class Scoring : std::uint8_t {
    softmax,  ///< exp(x) / sum of exp over all experts: Qwen3, Mixtral
    sigmoid,  ///< 1 / (1 + exp(-x)): DeepSeek-V3
    /// sqrt(log(1 + exp(x))): DeepSeek-V4. Sources: DeepseekV4TopKRouter of transformers,
    /// biased_topk_impl in SGLang's deepseek_v4_topk.py, topkGatingSoftplusSqrt of vLLM.
    sqrtsoftplus,
};

/// A scoring and what options, rows and listings call it.
struct NamedScoring {
    std::string_view name;
    Scoring scoring;
};

[[nodiscard]] std::span<const NamedScoring> scorings();
[[nodiscard]] std::string_view to_string(Scoring scoring);

}  // namespace moe
