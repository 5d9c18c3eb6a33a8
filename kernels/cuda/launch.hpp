#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace moe::cuda {

/// Shared memory that every kernel gets unasked.
constexpr std::size_t kDefaultDynamicSmem = 48U << 10U;

/// Where a kernel runs, and with how much shared memory.
struct Launch {
    dim3 blocks;
    int threads{};
    cudaStream_t stream{};
    std::size_t smem_bytes{};
    /// The multiprocessors have all the shared memory that they can have.
    bool prefer_smem{};
    /// Where blocks take turns: no more of them in x than so many for each multiprocessor.
    int max_blocks_per_sm{};
    /// It may start before the stream's earlier kernel ends, see grid_dependency_synchronize().
    bool overlaps{};
};
inline Launch in_blocks(std::int64_t blocks, int threads, cudaStream_t stream) {
    return {.blocks = dim3(static_cast<unsigned>(blocks)), .threads = threads, .stream = stream};
}

}  // namespace moe::cuda
