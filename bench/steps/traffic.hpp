#pragma once

#include "bench/steps/step.hpp"

#include <cstdint>
#include <string>

namespace moe {

/// Requests that a deployment serves, on average.
struct Traffic {
    std::int64_t isl{}, osl{};  ///< tokens of a prompt, and of its answer
    std::int64_t conc{};        ///< requests in flight, over all DP ranks
    std::int64_t chunk{8192};   ///< tokens that one rank prefills in one step, at most
    double hit{};               ///< share of a prompt that is in the prefix cache
    std::int64_t spec{};        ///< draft tokens that a decode step verifies for each request
};

/// Traffic from a text as isl=4000,osl=1000,conc=512,chunk=8192,hit=0.6,spec=3, of which the last
/// three may be left out. A BadArgument that says what was seen and what is possible.
[[nodiscard]] Traffic parse_traffic(const std::string& text);

/// Steps of `dp` ranks that serve such traffic, by the scheduler model of README.md of this folder;
/// the same for the same seed. Their source says that the traffic is synthetic, and `text`.
[[nodiscard]] StepFile synthesize_steps(const Traffic& traffic, int dp, std::int64_t seed,
                                        const std::string& text);

}  // namespace moe
