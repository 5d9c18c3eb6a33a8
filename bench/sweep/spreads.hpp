#pragma once

#include "bench/sweep/case.hpp"
#include "bench/sweep/options.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

// Axes whose values depend on the case so far. Each appends the case once for each value.

/// The models, with what the user overrode. A BadArgument for a layer that cannot be.
void spread_models(const Case& params, const Options& options, std::vector<Case>& cases);
/// The model's own size where the user names none.
void spread_hidden(const Case& params, const Options& options, std::vector<Case>& cases);
[[nodiscard]] std::size_t count_hidden(const Options& options);
void spread_routings(const Case& params, const Options& options, std::vector<Case>& cases);

/// Some engines' rules for padding ask for the phase, and captured sizes do.
void spread_phases(const Case& params, const Options& options, std::vector<Case>& cases);
/// Numbers, or `collectivex`.
void read_phases(std::string_view option, const std::string& text, Options& options);
void read_tokens(std::string_view option, const std::string& text, Options& options);
/// A mixed load says itself what the step does and how many tokens there are: it makes one case
/// where others make one for each phase and number of tokens.
void spread_loads(const Case& params, const Options& options, std::vector<Case>& cases);
void spread_tokens(const Case& params, const Options& options, std::vector<Case>& cases);
/// Combinations of padding, phase, load and tokens.
[[nodiscard]] double count_steps(const Options& options);

}  // namespace moe
