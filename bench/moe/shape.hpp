#pragma once

#include "kernels/runtime/layer_kernels.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace moe {

/// The sizes of one MoE layer, whatever it runs on.
struct LayerShape {
    std::int64_t hidden{};
    std::int64_t experts{};
    int top_k{};
    std::int64_t intermediate{};         ///< of each routed expert
    std::int64_t shared_intermediate{};  ///< of the shared expert; 0: none
    Scoring scoring{Scoring::softmax};
    bool shared_gate{};  ///< the shared expert's output is scaled by sigmoid(x * gate)
};

/// A published model's MoE layer.
struct ModelPreset {
    std::string_view name;
    LayerShape shape;
    std::string_view source;
};

/// `custom` first, then the presets.
[[nodiscard]] std::span<const ModelPreset> model_table();

/// The same shape with experts / factor experts, so that a large model's layer fits in memory. A
/// BadArgument if that is not a whole number of at least top_k experts.
[[nodiscard]] LayerShape scale_experts(const LayerShape& shape, int factor);
/// A BadArgument for a token that would choose more experts than there are.
void check_shape(const LayerShape& shape);

}  // namespace moe
