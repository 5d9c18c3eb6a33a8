// In place of the header of this name in kernels/cuda: what kernels use of it, on the processor.
#pragma once

#include <cuda_runtime.h>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace moe::cuda {

inline unsigned long long global_nanoseconds() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<unsigned long long>(std::chrono::nanoseconds(now).count());
}
/// Declared for blocks of several groups, which do not run here.
void bar_sync(int id, int threads);
inline std::uint32_t load_acquire(const std::uint32_t* word) {
    return std::atomic_ref(*const_cast<std::uint32_t*>(word)).load(std::memory_order_acquire);
}
inline void store_release(std::uint32_t* word, std::uint32_t value) {
    std::atomic_ref(*word).store(value, std::memory_order_release);
}

}  // namespace moe::cuda
