#pragma once

namespace moe::cuda {

/// How long a kernel waits for a host or another rank, in nanoseconds of the device's clock.
[[nodiscard]] constexpr unsigned long long patience_ns(double seconds) {
    return static_cast<unsigned long long>(seconds * 1e9);
}

}  // namespace moe::cuda
