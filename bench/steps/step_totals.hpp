#pragma once

#include "bench/report/result_row.hpp"
#include "bench/steps/step_cases.hpp"
#include "bench/sweep/case.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace moe {

/// How long each strategy takes for all steps of a setting: the medians of its cases, each as often
/// as its case has steps.
class StepTotals {
public:
    /// The rows of one case; does nothing for a case that stands for no steps.
    void add(const Case& params, std::span<const ResultRow> rows);
    /// A table for each setting of which something was timed, speed-ups against the baseline.
    [[nodiscard]] std::string text(const StepSweep& sweep) const;

private:
    struct Strategy {
        std::string combine;
        std::int64_t steps{};        ///< with a time
        double output{}, layer{};    ///< seconds of one step's layers
        std::int64_t layer_steps{};  ///< with a time of the layer
    };
    struct Setting {
        std::vector<Strategy> strategies;  ///< the baseline first
        std::optional<NoVerdict> no_verdict;
    };
    [[nodiscard]] static std::string table(const StepSetting& setting, const Setting& measured);

    std::map<std::string, Setting> settings_;  ///< by label
};

}  // namespace moe
