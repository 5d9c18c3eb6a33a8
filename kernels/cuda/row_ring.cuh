// Rings of bulk copies in shared memory, through which slices of rows come to those that add them.
// A worker is kSliceThreads threads, which empty a ring, and one warp, which fills it.
#pragma once

#include "kernels/cuda/bulk_copy.cuh"
#include "kernels/cuda/vector.cuh"
#include "kernels/cuda/warp.cuh"

#include <cstddef>

namespace moe::cuda {

/// Threads of a worker.
constexpr int kWorkerThreads = kSliceThreads + kWarp;
/// Workers that share a multiprocessor.
constexpr int kMostWorkers = 6;
/// Slices of rows under way to one worker.
constexpr int kStages = 16;

/// Slices of rows on their way to one worker, in the order in which it adds them.
struct Ring {
    alignas(128) std::byte slice[kStages][kSliceBytes];
    hopper::Mbarrier full[kStages], empty[kStages];
    float weight[kStages];
    int rank[kStages];  ///< whose row it is, where rows of several ranks come
    int left[kStages];  ///< rows of the same sum that follow; -1: the sum has none at all

    /// By all threads of a block at once, each of which is its worker's `thread`.
    __device__ void init(int thread) {
        if (thread < kStages) {
            full[thread].init(1);
            empty[thread].init(kSliceThreads / kWarp);
        }
        hopper::fence_mbarrier_init();
        __syncthreads();
    }
};

/// A place in a ring, and how often it went round.
struct Stage {
    int at{};
    unsigned round{};

    __device__ void next() {
        if (++at == kStages) {
            at = 0;
            ++round;
        }
    }
};

}  // namespace moe::cuda
