#pragma once

#include "bench/moe/parallel.hpp"
#include "bench/sweep/case.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moe {

/// Where one case lies on the ranks, or why it cannot run; the same on all ranks.
struct CaseLayout {
    Parallel parallel;
    std::string obstacle;
    // Empty for a case that cannot be laid out.
    std::vector<std::int64_t> tokens_by_dp;
    Padding padding{};  ///< as resolved
    std::optional<RowMap> row_map;
};
/// Rows of each DP rank that travel, and how they were padded to each other.
struct PaddedStep {
    std::vector<std::int64_t> rows_by_dp;
    Padding padding{};
};
/// A step of so many tokens of each DP rank, padded as the case has it.
[[nodiscard]] PaddedStep padded_step(const Case& params, std::vector<std::int64_t> tokens_by_dp,
                                     const Parallel& parallel);

[[nodiscard]] CaseLayout lay_out(const Case& params, int ranks);

}  // namespace moe
