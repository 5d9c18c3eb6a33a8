// Wrappers of PTX instructions.
#pragma once

#include <cuda_runtime.h>

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

// Loads and stores of what another GPU writes or reads meanwhile: of the whole system, but without
// order among each other.

__device__ inline uint4 load_relaxed(const uint4* from) {
    uint4 value;
    asm volatile("ld.relaxed.sys.global.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
                 : "l"(from)
                 : "memory");
    return value;
}
__device__ inline void store_relaxed(uint4* to, const uint4& value) {
    asm volatile("st.relaxed.sys.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(to), "r"(value.x),
                 "r"(value.y), "r"(value.z), "r"(value.w)
                 : "memory");
}
__device__ inline std::uint32_t load_relaxed(const std::uint32_t* from) {
    std::uint32_t value = 0;
    asm volatile("ld.relaxed.sys.global.u32 %0, [%1];" : "=r"(value) : "l"(from) : "memory");
    return value;
}
__device__ inline std::uint16_t load_relaxed(const std::uint16_t* from) {
    std::uint16_t value = 0;
    asm volatile("ld.relaxed.sys.global.u16 %0, [%1];" : "=h"(value) : "l"(from) : "memory");
    return value;
}
__device__ inline void store_relaxed(std::uint32_t* to, std::uint32_t value) {
    asm volatile("st.relaxed.sys.global.u32 [%0], %1;" ::"l"(to), "r"(value) : "memory");
}
__device__ inline void store_relaxed(std::uint16_t* to, std::uint16_t value) {
    asm volatile("st.relaxed.sys.global.u16 [%0], %1;" ::"l"(to), "h"(value) : "memory");
}

}  // namespace moe::cuda
