#pragma once

#include "bench/moe/shape.hpp"
#include "bench/sweep/case.hpp"
#include "bench/sweep/options.hpp"

#include <string>
#include <vector>

namespace moe {

/// A larger sweep would take days, and its list of cases more memory than a rank should.
constexpr double kMostCases = 100'000;

/// The cells of the sweep, tokens innermost, of which a mixed load has one number; a pure function,
/// so every rank computes the same list. A BadArgument for what no number of ranks could run, for a
/// load that fits no dp of the sweep, and for more than kMostCases cases.
[[nodiscard]] std::vector<Case> expand_cases(const Options& options, int ranks);

/// Everything that weights and reference depend on: cases with the same key share them.
[[nodiscard]] std::string weights_key(const Case& one);

/// The same cases in another order for each launch from the second on, so that what drifts while a
/// sweep runs falls on other cases each time. Cases that share their weights stay together, because
/// making them can take longer than measuring.
[[nodiscard]] std::vector<Case> in_launch_order(std::vector<Case> cases, int launch);

/// A case in a few words, for people: what is not at its default is named.
[[nodiscard]] std::string label_of(const Case& one);

/// The layer of a case.
[[nodiscard]] LayerShape shape_of(const Case& one);

}  // namespace moe
