#pragma once

#include "bench/steps/step_cases.hpp"
#include "comm/bootstrap.hpp"

#include <optional>
#include <string>

namespace moe {

/// What a sweep runs; without steps its cases alone.
struct SweepPlan {
    std::optional<StepFile> steps;
    StepSweep sweep;

    /// Where the steps are from; empty without.
    [[nodiscard]] std::string source() const { return steps ? steps->source : std::string(); }
    [[nodiscard]] std::string text() const {
        return steps ? steps_text(*steps, sweep) : std::string();
    }
};

/// Collective. The cases in the order of the launch: those of the lists, of the file of --steps,
/// which rank 0 reads for all ranks, or of --traffic. A BadArgument for steps that cannot be.
[[nodiscard]] SweepPlan plan_sweep(const Options& options, int ranks, Bootstrap& bootstrap);

}  // namespace moe
