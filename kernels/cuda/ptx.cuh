#pragma once

#include <cstdint>

namespace moe::cuda {

/// Of the device's clock that all its multiprocessors share.
__device__ inline unsigned long long global_nanoseconds() {
    unsigned long long now = 0;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
    return now;
}

}  // namespace moe::cuda
