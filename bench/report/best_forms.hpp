#pragma once

#include "bench/report/verdict.hpp"
#include "comm/combine/combine.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace moe {

/// One strategy's samples of a case, in seconds, round by round.
struct FormSamples {
    std::string_view combine;
    Form form{};
    std::span<const double> output;
    std::span<const double> layer{};  ///< empty where no layer was timed
    bool engines{};                   ///< engines run it
    bool baseline{};
};

/// The reduce_scatter form with the shortest median of the output step against the all_reduce form
/// that engines run, and the baseline beside it; where that was not timed, against the all_reduce
/// form with the shortest. Nothing where only one of the two kinds was timed.
[[nodiscard]] std::optional<Comparison> compare_best_forms(std::span<const FormSamples> timed);

}  // namespace moe
