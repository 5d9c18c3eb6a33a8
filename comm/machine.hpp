#pragma once

#include "comm/bootstrap.hpp"
#include "kernels/runtime/control_groups.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace moe {

/// Where the ranks of this job run. Hosts are counted by their names; what ranks share is counted
/// by kernels, since containers with names of their own may be on one machine.
struct Machine {
    int hosts{1};
    int ranks_on_host{1};  ///< under one kernel; of the one that has most
    /// Cores (not hardware threads) that the ranks under one kernel may run on, by their affinity;
    /// of the kernel that has fewest.
    int cores_on_host{1};
    int kernels{1};        ///< machines with a memory of their own
    bool one_clock{true};  ///< all ranks read the same monotonic clock

    /// The processors' worth of time that control groups leave the ranks under one kernel, of the
    /// kernel that has least: half a core, say, or more than there are.
    double cpu_quota{std::numeric_limits<double>::infinity()};

    /// Processors that the ranks under one kernel have at one time.
    [[nodiscard]] double cpus_on_host() const {
        return std::min(static_cast<double>(cores_on_host), cpu_quota);
    }
    [[nodiscard]] bool oversubscribed() const { return ranks_on_host > cpus_on_host(); }
};

/// What one rank sees of where it runs.
struct RankInfo {
    std::string host;  ///< its name
    std::string boot;  ///< boot_id() of its kernel; empty if unknown, then the host stands for it
    std::string time_namespace;
    std::string cores;  ///< one character for each core, '1' where it may run
    CpuQuota quota;     ///< whose limit it shares with the ranks of the same group
    /// Likewise where its threads might be moved to: what control groups leave it, however the
    /// launcher bound it.
    std::string reachable_cores{};

    /// Of the kernel that it runs under.
    [[nodiscard]] const std::string& kernel() const { return boot.empty() ? host : boot; }
};
/// Collective. Of every rank.
[[nodiscard]] std::vector<RankInfo> discover_ranks(Bootstrap& bootstrap);
[[nodiscard]] Machine machine_of(const std::vector<RankInfo>& ranks);
/// Collective.
[[nodiscard]] Machine discover_machine(Bootstrap& bootstrap);

}  // namespace moe
