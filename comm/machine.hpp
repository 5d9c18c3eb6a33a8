#pragma once

#include "comm/control.hpp"

namespace moe {

/// Where the ranks of this job run.
struct Machine {
    int hosts{1};
    int ranks_on_host{1};  ///< of the host that has most
    /// Cores (not hardware threads) that the ranks of a host may run on, by their affinity and
    /// their container's quota; of the host that has fewest.
    int cores_on_host{1};

    [[nodiscard]] bool oversubscribed() const { return ranks_on_host > cores_on_host; }
};
/// Collective.
[[nodiscard]] Machine discover_machine(Control& control);

}  // namespace moe
