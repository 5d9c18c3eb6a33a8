#pragma once

#include "bench/steps/step.hpp"
#include "bench/sweep/case.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace moe {

/// Steps in which the same rows travel. DP ranks are interchangeable: the one with most comes
/// first.
struct Bucket {
    std::optional<StepPhase> phase;    ///< where something asks for it
    std::vector<std::int64_t> rows;    ///< of each DP rank, padding included
    std::vector<std::int64_t> tokens;  ///< of each DP rank, in the first of the steps
    std::int64_t steps{};
};

struct Buckets {
    std::vector<Bucket> buckets;
    /// Steps in which no engine chooses between all_reduce and reduce_scatter, by the reason.
    std::map<std::string, std::int64_t> not_this_question;
};

/// The steps as the engine pads them: rows of the graph where one was replayed, else by the case's
/// padding. `setting`: a case of which tokens, load and phase do not count. Steps of other phases
/// than `phases` are not this question; empty: all are. A BadArgument for a step of unknown phase
/// where something asks for it.
[[nodiscard]] Buckets bucket_steps(const StepFile& file, const Case& setting, int ranks,
                                   std::span<const StepPhase> phases = {});

}  // namespace moe
