#include "bench/steps/steps_provenance.hpp"

#include <nlohmann/json.hpp>

namespace moe {

nlohmann::json steps_provenance(const StepSweep& sweep) {
    auto settings = nlohmann::json::array();
    for (const auto& setting : sweep.settings) {
        const auto& grouping = setting.grouping;
        const auto bytes = static_cast<double>(setting.row_bytes);
        settings.push_back({
            {"setting", setting.label},
            {"steps", grouping.steps},
            {"cases", grouping.representatives.size()},
            {"mean_bytes", grouping.mean_rows * bytes},
            {"mean_error_bytes", grouping.mean_error * bytes},
            {"largest_error_bytes", grouping.largest_error * bytes},
            {"not_this_question", setting.not_this_question},
        });
    }
    return settings;
}

}  // namespace moe
