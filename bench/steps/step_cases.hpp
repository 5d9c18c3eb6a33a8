#pragma once

#include "bench/steps/grouping.hpp"
#include "bench/steps/step.hpp"
#include "bench/sweep/case.hpp"
#include "bench/sweep/options.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace moe {

/// What the steps of a file are in one setting of the sweep: all of a case but what the step says.
struct StepSetting {
    std::string label;
    Grouping grouping;
    std::map<std::string, std::int64_t> not_this_question;  ///< steps, by the reason
    std::int64_t row_bytes{};                               ///< of one row on the wire
};

/// The cases of a sweep over steps.
struct StepSweep {
    std::vector<StepSetting> settings;
    std::vector<Case> cases;
};

/// What a case has in common with the others of its setting, in a few words.
[[nodiscard]] std::string setting_label(const Case& params);

/// Each setting of the options with the cases that stand for the steps of the file; a pure
/// function, so every rank computes the same. The topology that the user leaves open is the file's.
/// A BadArgument where the file's steps are of another number of ranks, and where none of them is
/// this question.
[[nodiscard]] StepSweep expand_steps(const Options& options, const StepFile& file, int ranks);

/// What the steps are, and how far their cases are off, in bytes of rows: a line or two for each
/// setting.
[[nodiscard]] std::string steps_text(const StepFile& file, const StepSweep& sweep);

}  // namespace moe
