#pragma once

#include "bench/steps/step_cases.hpp"

#include <string>
#include <string_view>

namespace moe {

/// A sweep's steps as a text in which rank 0 sends them to the others, and back; nothing is lost.
[[nodiscard]] std::string to_text(const StepSweep& sweep);
[[nodiscard]] StepSweep parse_step_sweep(std::string_view text);

}  // namespace moe
