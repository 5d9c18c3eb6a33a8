#pragma once

#include "bench/moe/parallel.hpp"
#include "bench/sweep/case.hpp"

#include <cstdint>
#include <optional>
#include <span>
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
/// How the case pads the rows of a step of so many tokens of each DP rank.
[[nodiscard]] Padding resolved_padding(const Case& params,
                                       std::span<const std::int64_t> tokens_by_dp, int attn_tp);

[[nodiscard]] CaseLayout lay_out(const Case& params, int ranks);

}  // namespace moe
