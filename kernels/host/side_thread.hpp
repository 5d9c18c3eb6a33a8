#pragma once

#include "kernels/runtime/device.hpp"

#include <memory>
#include <optional>

namespace moe {

/// Where a rank's second thread runs.
struct SideCore {
    std::optional<int> cpu{};  ///< pinned there; empty: wherever the rank itself may run
    bool shared{};             ///< with a rank
};

/// A thread that does what it is told while the calling one goes on; asleep in between. `stream` is
/// what its work enqueues on.
[[nodiscard]] std::unique_ptr<SideQueue> make_side_thread(std::unique_ptr<Stream> stream,
                                                          SideCore core);

}  // namespace moe
