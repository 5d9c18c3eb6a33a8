#pragma once

#include "kernels/host/side_thread.hpp"
#include "kernels/runtime/clock.hpp"
#include "kernels/runtime/device.hpp"

#include <memory>

namespace moe {

/// One core and its memory: every call has finished when it returns, an event is a reading of
/// `clock`. `side_core`: where its side queues run.
[[nodiscard]] std::unique_ptr<Device> make_host_device(Clock clock = steady_seconds,
                                                       SideCore side_core = {});

}  // namespace moe
