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
[[nodiscard]] CaseLayout lay_out(const Case& params, int ranks);

}  // namespace moe
