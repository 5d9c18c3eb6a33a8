#pragma once

#include "kernels/runtime/peer_kernels.hpp"

#include <functional>
#include <memory>

namespace moe {

/// On cores. `idle` is called again and again while a wait is long: other ranks may need this one's
/// core, or its progress in a library.
[[nodiscard]] std::unique_ptr<PeerKernels> make_host_peer_kernels(std::function<void()> idle);

}  // namespace moe
