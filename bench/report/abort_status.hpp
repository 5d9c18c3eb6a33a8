#pragma once

#include "bench/report/result_files.hpp"
#include "bench/watch/watchdog.hpp"

#include <string>

namespace moe {

/// Where an abort is reported: known to every rank, because rank 0 may be the one that died. Empty
/// paths where nothing has been opened yet.
struct ReportTarget {
    std::string host;
    bool unseen_ranks{};  ///< this rank watches some, and not all
    ResultPaths paths;
    std::string run_id;
};

/// Reports on stderr and in status.json why the run was aborted and how it can go on, and removes
/// half a row that a killed writer may have left. A secondary failure never overwrites a primary
/// one. Calls nothing that waits for other ranks.
void report_abort(AbortReason reason, const ReportTarget& target) noexcept;

}  // namespace moe
