#pragma once

#include "bench/steps/step_cases.hpp"
#include "comm/bootstrap.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moe {

/// What a sweep runs.
struct SweepPlan {
    std::optional<StepSweep> steps;  ///< that the cases stand for; empty where lists say them
    std::vector<Case> cases;

    [[nodiscard]] std::string text() const { return steps ? steps_text(*steps) : std::string(); }
};

/// Collective. The cases in the order of the launch: those of the lists, of the file of --steps, or
/// of --traffic. Rank 0 alone reads, makes and groups steps. A BadArgument, on all ranks, for steps
/// that cannot be.
[[nodiscard]] SweepPlan plan_sweep(const Options& options, int ranks, Bootstrap& bootstrap);

}  // namespace moe
