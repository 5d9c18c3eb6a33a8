#pragma once

#include "bench/report/result_row.hpp"

#include <span>
#include <string>

namespace moe {

/// What ran beside each other in one case, a line for each strategy, and which of them disturbs the
/// GEMM least and which ends first together with it; or why there is no verdict. Empty where
/// nothing ran beside the output step.
[[nodiscard]] std::string beside_table(std::span<const ResultRow> rows);

}  // namespace moe
