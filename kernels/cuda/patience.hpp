#pragma once

namespace moe::cuda {

/// How long a kernel waits for a host or another rank, in nanoseconds of the device's clock: two
/// centuries at most, which 64 bits can still count.
[[nodiscard]] constexpr unsigned long long patience_ns(double seconds) {
    constexpr double kLongest = 6e9;
    return static_cast<unsigned long long>((seconds < kLongest ? seconds : kLongest) * 1e9);
}

}  // namespace moe::cuda
