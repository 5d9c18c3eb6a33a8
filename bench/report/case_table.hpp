#pragma once

#include "bench/report/result_row.hpp"

#include <optional>
#include <span>
#include <string>

namespace moe {

/// How many times as fast one strategy of a case is as another: medians of the ratios of their
/// samples, paired by round.
struct Comparison {
    std::string combine, against;
    Estimate output;
    std::optional<Estimate> layer{};
};

/// The rows of one case, the baseline first, for a reader at a shell, and one sentence: how many
/// times as fast the output step of the best reduce_scatter form is as that of the best all_reduce
/// form, and whether that can be told from no difference at all. Where only one of the two kinds
/// was timed, the fastest strategy is compared with the baseline. Units and interval are in the
/// heading.
[[nodiscard]] std::string case_table(std::span<const ResultRow> rows,
                                     const std::optional<Comparison>& best_forms);

}  // namespace moe
