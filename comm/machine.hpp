#pragma once

#include "comm/control.hpp"

#include <string>
#include <vector>

namespace moe {

/// Where the ranks of this job run. Hosts are counted by their names; what ranks share is counted
/// by kernels, since containers with names of their own may be on one machine.
struct Machine {
    int hosts{1};
    int ranks_on_host{1};  ///< under one kernel; of the one that has most
    /// Cores (not hardware threads) that the ranks under one kernel may run on, by their affinity
    /// and the quotas of their containers; of the kernel that has fewest.
    int cores_on_host{1};
    int kernels{1};        ///< machines with a memory of their own
    bool one_clock{true};  ///< all ranks read the same monotonic clock

    [[nodiscard]] bool oversubscribed() const { return ranks_on_host > cores_on_host; }
};

/// What one rank sees of where it runs.
struct RankPlace {
    std::string host;  ///< its name
    std::string
        boot;  ///< the boot_id() of its kernel; empty if unknown, then the host stands for it
    std::string time_namespace;
    std::string cores;  ///< one character for each core, '1' where it may run
    int quota{};        ///< cores' worth of time that its container leaves
};
[[nodiscard]] Machine machine_of(const std::vector<RankPlace>& ranks);
/// Collective.
[[nodiscard]] Machine discover_machine(Control& control);

}  // namespace moe
