#pragma once

#include "bench/case/plan.hpp"
#include "bench/watch/heartbeat.hpp"

#include <span>

namespace moe {

/// Collective. Prints, on rank 0, what the sweep would do: each case with the memory and the time
/// that it is expected to need, or why it cannot run. Measures this machine's speed for a moment;
/// writes nothing.
void dry_run(const CasePlanner::Parts& parts, std::span<const Case> cases, Heartbeat& heartbeat);

}  // namespace moe
