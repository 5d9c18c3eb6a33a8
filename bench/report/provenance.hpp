#pragma once

#include "bench/engines/engine_env.hpp"
#include "bench/measure/calibration.hpp"
#include "bench/measure/timeline.hpp"
#include "bench/sweep/options.hpp"
#include "comm/backend.hpp"
#include "comm/machine.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace moe {

/// When this run began and who it is: 20261123T195300Z, and the same with a host and process tag.
[[nodiscard]] std::string utc_timestamp();
[[nodiscard]] std::string make_run_id(const std::string& timestamp, const std::string& host);

/// Where the numbers of a run come from: an allow-list, never the whole environment, since results
/// are published and environments hold secrets.
struct ProvenanceParts {
    const Options& options;
    const Backend& backend;
    const Machine& machine;
    const Timeline& timeline;
    const Calibration& calibration;
    Bootstrap& bootstrap;
    const std::optional<EngineEnv>& engine_env;
    const nlohmann::json& auto_table;  ///< where the table of strategies comes from
    const nlohmann::json& steps;       ///< how they were grouped into cases; null: there are none
};
[[nodiscard]] nlohmann::json make_provenance(const ProvenanceParts& parts);

}  // namespace moe
