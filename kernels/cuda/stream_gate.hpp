#pragma once

#include "kernels/runtime/device.hpp"

#include <memory>

namespace moe::cuda {

/// On the calling thread's device: one thread of one block looks at a word of host memory until the
/// host writes there, which it sees about a microsecond later, or gives up after
/// `patience_seconds`.
[[nodiscard]] std::unique_ptr<StreamGate> make_stream_gate(double patience_seconds);

}  // namespace moe::cuda
