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
    bool engines{};  ///< `against` is what engines run; else the best all_reduce form
    /// Beside it the library's all_reduce, where that is the baseline.
    struct Library {
        std::string against;
        Estimate output;
    };
    std::optional<Library> beside{};
};

/// The line under the rows of one case, the baseline first: how many times as fast the output step
/// of the best reduce_scatter form is as that of the all_reduce form that engines run, or of the
/// best one where it was not timed, and whether that can be told from no difference at all; or why
/// the case has no verdict. Where only one of the two kinds was timed, the fastest strategy is
/// compared with the baseline. Empty where nothing was timed.
[[nodiscard]] std::string verdict_line(std::span<const ResultRow> rows,
                                       const std::optional<Comparison>& best_forms);

}  // namespace moe
