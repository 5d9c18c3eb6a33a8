#pragma once

#include "kernels/runtime/device.hpp"

#include <memory>

namespace moe {

/// One core and its memory: every call has finished when it returns, an event is a clock reading.
[[nodiscard]] std::unique_ptr<Device> make_host_device();

}  // namespace moe
