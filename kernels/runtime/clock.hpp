#pragma once

#include <functional>

namespace moe {

/// Seconds since some moment of its own.
using Clock = std::function<double()>;

/// Seconds on this host's monotonic clock, which all its processes share.
[[nodiscard]] double steady_seconds();

}  // namespace moe
