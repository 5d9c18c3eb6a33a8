// In place of the header of this name in kernels/cuda: the same without the GPU's instructions.
#pragma once

#include "tests/simt/prefetch_l2.hpp"

#include <cstdint>

namespace moe::cuda {

constexpr int max_threads_per_sm() {
    return 1024;
}
inline void wait_for_earlier() {}
inline void let_later_start() {}
inline void prefetch_l2(const void* from, std::uint32_t bytes) {
    const std::lock_guard lock(simt::prefetch_l2.mutex);
    simt::prefetch_l2.parts.push_back({static_cast<const std::byte*>(from), bytes});
}

}  // namespace moe::cuda
