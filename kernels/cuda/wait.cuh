// Bounded waits of a kernel for a host or another GPU.
#pragma once

#include "kernels/cuda/ptx.cuh"

#include <cstdint>

namespace moe::cuda {

/// A device must not wait forever for a rank that failed.
constexpr unsigned long long kPatienceNanoseconds = 10'000'000'000;

/// Of the whole system: other GPUs and the host.
__device__ inline std::uint32_t load_acquire(const std::uint32_t* word) {
    std::uint32_t value = 0;
    asm volatile("ld.acquire.sys.global.u32 %0, [%1];" : "=r"(value) : "l"(word) : "memory");
    return value;
}
__device__ inline void store_release(std::uint32_t* word, std::uint32_t value) {
    asm volatile("st.release.sys.global.u32 [%0], %1;" ::"l"(word), "r"(value) : "memory");
}

}  // namespace moe::cuda
