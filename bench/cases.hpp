#pragma once

#include "bench/moe/shape.hpp"
#include "bench/options.hpp"
#include "bench/sweep/case.hpp"

#include <string>
#include <vector>

namespace moe {

/// A larger sweep would take days, and its list of cases more memory than a rank should.
constexpr double kMostCases = 100'000;

/// The cells of the sweep, tokens innermost; a pure function, so every rank computes the same list.
/// A BadArgument for what no number of ranks could run, for a load that fits no dp of the sweep,
/// and for more than kMostCases cases.
[[nodiscard]] std::vector<Case> expand_cases(const Options& options, int ranks);

/// A case in a few words, for people: what is not at its default is named.
[[nodiscard]] std::string label_of(const Case& one);

/// The layer of a case.
[[nodiscard]] LayerShape shape_of(const Case& one);

}  // namespace moe
