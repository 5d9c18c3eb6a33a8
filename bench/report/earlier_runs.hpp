#pragma once

#include "bench/report/finished_cases.hpp"
#include "bench/report/result_paths.hpp"

#include <nlohmann/json_fwd.hpp>

#include <set>
#include <string>

namespace moe {

/// One JSON file holds the provenance of all runs in a CSV, each under its run_id. Reads what is
/// there already; a BadArgument if that is something else.
[[nodiscard]] nlohmann::json read_provenance(const ResultPaths& paths);

/// Those of the `runs` in the file that the one to come, `now`, goes on with: they agree in what
/// has to agree for their rows to make up one sweep. A BadArgument where there are runs and none
/// does, with the first difference of the last one.
[[nodiscard]] std::set<std::string> runs_of_this_sweep(const ResultPaths& paths,
                                                       const nlohmann::json& runs,
                                                       const nlohmann::json& now);

/// A BadArgument if a run has rows, and nothing tells how they were made: then none can be added to
/// them that are known to belong to the same sweep.
void check_runs_are_known(const ResultPaths& paths, const FinishedCases& finished,
                          const nlohmann::json& runs);

}  // namespace moe
