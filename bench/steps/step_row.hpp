#pragma once

#include "bench/steps/step.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace moe {

/// The fields of a step, in the order in which people write them.
enum class StepField : std::uint8_t {
    engine,
    version,
    phase,
    graph_rows,
    unit,
    spec_width,
    tokens_per_rank,
    count,
    step_us,
};
inline constexpr std::array<std::string_view, 9> kStepFields{
    "engine",     "version",         "phase", "graph_rows", "unit",
    "spec_width", "tokens_per_rank", "count", "step_us"};

/// The field of this name; nothing for any other.
[[nodiscard]] std::optional<StepField> find_step_field(std::string_view name);

/// The texts of one step's fields; empty: unknown.
using StepTexts = std::array<std::string, kStepFields.size()>;
[[nodiscard]] inline const std::string& text_of(const StepTexts& texts, StepField field) {
    return texts[static_cast<std::size_t>(field)];
}

/// The step that the texts describe, on `dp` ranks where that is known. Counts of requests become
/// tokens. A BadArgument that says which field, what was seen and what is possible.
[[nodiscard]] Step parse_step(const StepTexts& texts, std::optional<std::int64_t> dp);

}  // namespace moe
