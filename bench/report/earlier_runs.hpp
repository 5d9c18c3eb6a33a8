#pragma once

#include "bench/report/finished_cases.hpp"
#include "bench/report/result_paths.hpp"

#include <nlohmann/json_fwd.hpp>

namespace moe {

/// One JSON file holds the provenance of all runs in a CSV, each under its run_id. Reads what is
/// there already; a BadArgument if that is something else.
[[nodiscard]] nlohmann::json read_provenance(const ResultPaths& paths);

/// A BadArgument if one of the `runs` in the file and the one to come, `now`, differ in what has to
/// agree for their rows to make up one sweep, with the first difference.
void check_same_run(const ResultPaths& paths, const nlohmann::json& runs,
                    const nlohmann::json& now);

/// A BadArgument if a run has rows, and nothing tells how they were made: then none can be added to
/// them that are known to belong to the same sweep.
void check_runs_are_known(const ResultPaths& paths, const FinishedCases& finished,
                          const nlohmann::json& runs);

}  // namespace moe
