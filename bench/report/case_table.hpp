#pragma once

#include "bench/report/result_row.hpp"

#include <span>
#include <string>

namespace moe {

/// The rows of one case for a reader at a shell: who wins the output step, by how much, and whether
/// that can be told from no difference at all. Units and interval are in the heading.
[[nodiscard]] std::string case_table(std::span<const ResultRow> rows);

}  // namespace moe
