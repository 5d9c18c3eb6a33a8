// Wrappers of PTX instructions.
#pragma once

#include <cstdint>

namespace moe::cuda {

/// Of the device's clock that all its multiprocessors share.
__device__ inline unsigned long long global_nanoseconds() {
    unsigned long long now = 0;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
    return now;
}

/// All `threads` of the block's named barrier `id` (1 to 15; 0 is __syncthreads).
__device__ inline void bar_sync(int id, int threads) {
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

// Of the whole system: other GPUs and the host.

__device__ inline std::uint32_t load_acquire(const std::uint32_t* word) {
    std::uint32_t value = 0;
    asm volatile("ld.acquire.sys.global.u32 %0, [%1];" : "=r"(value) : "l"(word) : "memory");
    return value;
}
__device__ inline void store_release(std::uint32_t* word, std::uint32_t value) {
    asm volatile("st.release.sys.global.u32 [%0], %1;" ::"l"(word), "r"(value) : "memory");
}

}  // namespace moe::cuda
