#pragma once

#include "bench/report/result_files.hpp"
#include "bench/watch/watchdog.hpp"

#include <string>

namespace moe {

/// Where word of an early end goes: known to every rank, because rank 0 may not be there to leave
/// it. Empty paths where nothing has been opened yet.
struct LastWords {
    std::string host;
    bool unseen_ranks{};  ///< this one watches some, and not all
    ResultPaths paths;
    std::string run_id;
};

/// Says on stderr and in status.json why the run ended and how it can go on, and takes away half a
/// row that a killed writer may have left. A host knows its own ranks only: one that only suffers
/// adds nothing to what another has told, and who failed goes before who waited for him. Calls
/// nothing that waits for other ranks.
void tell_early_end(Ending ending, const LastWords& last) noexcept;

}  // namespace moe
