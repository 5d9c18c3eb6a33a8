#pragma once

#include "bench/report/result_files.hpp"
#include "bench/watch/watchdog.hpp"

#include <string>

namespace moe {

/// Where the reason of an abort is reported: known to every rank, because rank 0 may not be there
/// to do it. Empty paths where nothing has been opened yet.
struct ReportTarget {
    std::string host;
    bool unseen_ranks{};  ///< this one watches some, and not all
    ResultPaths paths;
    std::string run_id;
};

/// Says on stderr and in status.json why the run ended and how it can go on, and takes away half a
/// row that a killed writer may have left. A host knows its own ranks only: a secondary failure
/// never overwrites a primary one, nor a timeout a failure. Calls nothing that waits for other
/// ranks.
void report_abort(AbortReason reason, const ReportTarget& target) noexcept;

}  // namespace moe
