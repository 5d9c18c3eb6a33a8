#pragma once

#include "kernels/runtime/layer_kernels.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace moe {

/// One MoE layer, whatever it runs on: its sizes, and how it routes.
struct LayerShape {
    std::int64_t hidden{};
    std::int64_t experts{};
    int top_k{};
    std::int64_t intermediate{};         ///< of each routed expert
    std::int64_t shared_intermediate{};  ///< of the shared expert; 0: none
    Scoring scoring{Scoring::softmax};
    bool shared_gate{};    ///< the shared expert's output is scaled by sigmoid(x * gate)
    double expert_zipf{};  ///< exponent of the experts' popularity; 0: all alike
};

/// A published model's MoE layer.
struct ModelPreset {
    std::string_view name;
    LayerShape shape;
    int moe_layers;           ///< of the model's layers; 0: of no model
    std::string_view source;  ///< of the sizes, and what of the model is not modelled
};

/// `custom` first, then the presets.
[[nodiscard]] std::span<const ModelPreset> model_table();

/// The exponent that --routing asks for: 0 for uniform, S for zipf:S. A BadArgument for other
/// texts.
[[nodiscard]] double parse_routing(std::string_view text);
/// The shortest text with that exponent.
[[nodiscard]] std::string routing_text(double exponent);

/// The same shape with experts / factor experts, so that a large model's layer fits in memory. A
/// BadArgument if that is not a whole number of at least top_k experts.
[[nodiscard]] LayerShape scale_experts(const LayerShape& shape, std::int64_t factor);
/// A BadArgument for a token that would choose more experts than there are.
void check_shape(const LayerShape& shape);

}  // namespace moe
