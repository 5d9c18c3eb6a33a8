#pragma once

#include "bench/steps/step_cases.hpp"

#include <nlohmann/json_fwd.hpp>

namespace moe {

/// How the steps were grouped in each setting, for the provenance: the cases that stand for them,
/// what these are off by, in bytes of rows, and the steps that are not this question, by the
/// reason.
[[nodiscard]] nlohmann::json steps_provenance(const StepSweep& sweep);

}  // namespace moe
