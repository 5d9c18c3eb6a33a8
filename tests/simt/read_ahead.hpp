#pragma once

#include <cstddef>
#include <mutex>
#include <span>
#include <vector>

namespace moe::simt {

/// What kernels had the cache read ahead, for tests to look at.
struct ReadAhead {
    std::mutex mutex;
    std::vector<std::span<const std::byte>> parts;
};
inline ReadAhead read_ahead;

}  // namespace moe::simt
