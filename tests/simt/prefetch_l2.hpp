#pragma once

#include <cstddef>
#include <mutex>
#include <span>
#include <vector>

namespace moe::simt {

/// What kernels had the cache read ahead, for tests to look at.
struct PrefetchL2 {
    std::mutex mutex;
    std::vector<std::span<const std::byte>> parts;
};
inline PrefetchL2 prefetch_l2;

}  // namespace moe::simt
