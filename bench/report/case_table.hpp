#pragma once

#include "bench/report/verdict.hpp"

#include <optional>
#include <span>
#include <string>

namespace moe {

/// The rows of one case, the baseline first, for a reader at a shell, and the line of verdict.hpp.
/// Units and interval are in the heading.
[[nodiscard]] std::string case_table(std::span<const ResultRow> rows,
                                     const std::optional<Comparison>& best_forms);

}  // namespace moe
