#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace moe::cuda {

/// Shared memory that every kernel gets unasked.
constexpr std::size_t kUnaskedShared = 48U << 10U;

/// Where a kernel runs, and with how much shared memory.
struct Launch {
    dim3 blocks;
    int threads{};
    cudaStream_t stream{};
    std::size_t shared_bytes{};
    /// After a kernel of the stream that it may overlap with, see wait_for_earlier().
    bool overlaps{};
};

}  // namespace moe::cuda
