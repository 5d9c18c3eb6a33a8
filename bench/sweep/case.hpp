#pragma once

#include "bench/engines/engine_rules.hpp"
#include "bench/moe/engine_padding.hpp"
#include "bench/moe/epilogue.hpp"
#include "bench/moe/load.hpp"
#include "bench/moe/parallel.hpp"
#include "bench/moe/shape.hpp"
#include "bench/sweep/graph_sizes.hpp"
#include "comm/gather/gather.hpp"
#include "kernels/runtime/dtype.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace moe {

/// What is sampled: the whole layer too, or its output step only.
enum class Scope : std::uint8_t { layer, output };
[[nodiscard]] std::string_view to_string(Scope scope);

/// What of the experts' weights, activations and workspaces is in no cache when a sample begins:
/// the weights, or everything.
enum class Cache : std::uint8_t { warm, cold };
/// As results say it: cold_weights or cold.
[[nodiscard]] std::string_view to_string(Cache cache);

/// What keeps the device busy while rows are exchanged, in samples of their own: nothing, or the
/// experts of a second batch, as in two-batch overlap.
enum class Beside : std::uint8_t { none, gemm };
[[nodiscard]] std::string_view to_string(Beside beside);

/// How rows are padded: so, or as a release of an engine chooses for the step.
using PaddingRule = std::variant<Padding, const EngineRules*>;
[[nodiscard]] std::string_view to_string(const PaddingRule& rule);
/// Whose rule it is; null for fixed padding.
[[nodiscard]] const EngineRules* engine_of(const PaddingRule& rule);
/// Whether the phase of the step decides.
[[nodiscard]] bool asks_for_phase(const PaddingRule& rule);

/// The parameters of one cell of the sweep: everything that decides what runs, nothing about how it
/// is timed. The strategies that combine are candidates inside the cell, and no part of it.
/// bench/sweep/axes.cpp lists the fields with their names, options and texts.
struct Case {
    const ModelPreset* model{&model_table().front()};
    LayerShape shape;               ///< the model's, with what the user overrode, scaled
    std::int64_t scale_experts{1};  ///< by which the model's experts were divided
    std::int64_t dp{}, ep{};
    DType dtype{};
    const GatherEntry* gather{};
    bool graph{};            ///< every region is captured once and replayed
    std::int64_t skew_us{};  ///< by which all ranks but one may be late for a sample
    std::int64_t sms{};      ///< that communication uses; 0: as many as the library chooses
    Cache cache{};
    Beside beside{};
    PaddingRule padding{};
    std::optional<StepPhase> phase;  ///< where rules or graph sizes ask, and for mixed loads
    GraphSizes graph_sizes;          ///< to which decode rows are padded
    Load load{"balanced"};
    std::int64_t tokens{};  ///< of one step, over all DP ranks
    Scope scope{};
    std::int64_t layers{1};  ///< in one step
    Epilogue epilogue{};
    std::int64_t seed{};
    std::int64_t steps{};  ///< of a file that it stands for; no part of what runs, nor of the id

    /// Whether rows are padded to captured sizes: those of prefill are not.
    [[nodiscard]] bool pads_to_graphs() const {
        return graph_sizes.given() && phase == StepPhase::decode;
    }
};

}  // namespace moe
