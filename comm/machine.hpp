#pragma once

#include "comm/control.hpp"

#include <algorithm>
#include <limits>

namespace moe {

/// Where the ranks of this job run.
struct Machine {
    int hosts{1};
    int ranks_on_host{1};  ///< of the host that has most
    /// Cores (not hardware threads) that the ranks of a host may run on, by their affinity; of the
    /// host that has fewest.
    int cores_on_host{1};
    /// The processors' worth of time that control groups leave the ranks of a host, of the host
    /// that has least: half a core, say, or more than there are.
    double cpu_quota{std::numeric_limits<double>::infinity()};

    /// Processors that the ranks of a host have at one time.
    [[nodiscard]] double cpus_on_host() const {
        return std::min(static_cast<double>(cores_on_host), cpu_quota);
    }
    [[nodiscard]] bool oversubscribed() const { return ranks_on_host > cpus_on_host(); }
};
/// Collective.
[[nodiscard]] Machine discover_machine(Control& control);

}  // namespace moe
