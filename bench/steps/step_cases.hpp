#pragma once

#include "bench/steps/grouping.hpp"
#include "bench/steps/step.hpp"
#include "bench/sweep/case.hpp"
#include "bench/sweep/options.hpp"

#include <cstdint>
#include <map>
#include <optional>
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

/// All that a sweep over steps takes from their file: a few kilobytes, whatever the file has.
struct StepSweep {
    std::string source;                    ///< as of the StepFile
    std::vector<std::string> engines;      ///< likewise
    std::optional<double> engine_seconds;  ///< for all steps; empty where some do not say
    std::int64_t dp{};
    std::optional<std::int64_t> ep;
    std::vector<StepSetting> settings;  ///< in the order of their cases
    std::string file_hash;              ///< of the bytes of --steps; empty where there is no file
};

/// What a case has in common with the others of its setting, in a few words.
[[nodiscard]] std::string setting_label(const Case& params);

/// The steps of the file, grouped for each setting of the options. A BadArgument where the file's
/// steps are of another number of ranks, and where none of them is this question.
[[nodiscard]] StepSweep group_steps(const Options& options, const StepFile& file, int ranks);

/// The cases that stand for the steps, setting by setting; a pure function, so every rank computes
/// the same. `sweep` was grouped for the same options and ranks. The topology that the user leaves
/// open is that of the steps.
[[nodiscard]] std::vector<Case> expand_steps(const Options& options, const StepSweep& sweep,
                                             int ranks);

/// What the steps are, and how far their cases are off, in bytes of rows: a line or two for each
/// setting.
[[nodiscard]] std::string steps_text(const StepSweep& sweep);

}  // namespace moe
