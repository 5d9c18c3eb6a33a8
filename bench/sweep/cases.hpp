#pragma once

#include "bench/sweep/case.hpp"
#include "bench/sweep/options.hpp"

#include <vector>

namespace moe {

/// A larger sweep would take days, and its list of cases more memory than a rank should.
constexpr double kMaxCases = 100'000;

/// The cells of the sweep, tokens innermost, of which a mixed load has one number; a pure function,
/// so every rank computes the same list. A BadArgument for what no number of ranks could run, for a
/// load that fits no dp of the sweep, and for more than kMaxCases cases.
[[nodiscard]] std::vector<Case> expand_cases(const Options& options, int ranks);

/// The same cases in another order for each launch from the second on, so that what drifts while a
/// sweep runs falls on other cases each time. Cases that share their weights stay together, because
/// making them can take longer than measuring.
[[nodiscard]] std::vector<Case> in_launch_order(std::vector<Case> cases, int launch);

}  // namespace moe
