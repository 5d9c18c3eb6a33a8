// Rings of bulk copies in shared memory, through which slices of rows come to those that add them.
// A worker is kSliceThreads threads, which empty a ring, and one warp, which fills it.
#pragma once

#include "kernels/cuda/bulk_copy.cuh"
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/peer_launch.hpp"
#include "kernels/cuda/vector.cuh"
#include "kernels/cuda/warp.cuh"

#include <algorithm>
#include <cstdint>

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
    int rank[kStages];  ///< whose row it is
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

/// A thread's place among workers.
struct RingThread {
    int worker = static_cast<int>(threadIdx.x) / kWorkerThreads;  ///< of the block
    int thread = static_cast<int>(threadIdx.x) % kWorkerThreads;  ///< of the worker
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

/// Puts slices into a ring, by one warp.
class RingWriter {
public:
    __device__ explicit RingWriter(Ring& ring) : ring_(ring) {}

    struct Row {
        const std::byte* slice;
        float weight;
        int rank;
    };
    __device__ void put(const Row& row, unsigned bytes, int left) {
        auto& full = next_to_fill(row, left);
        if (threadIdx.x % kWarp == 0) {
            full.arrive_and_expect(bytes);
            hopper::bulk_load(ring_.slice[stage_.at], row.slice, bytes, full, policy_);
        }
        advance();
    }
    /// For a sum without any.
    __device__ void put_none() {
        auto& full = next_to_fill({}, -1);
        if (threadIdx.x % kWarp == 0) full.arrive();
        advance();
    }

private:
    __device__ hopper::Mbarrier& next_to_fill(const Row& row, int left) {
        ring_.empty[stage_.at].wait((stage_.round + 1) % 2);
        if (threadIdx.x % kWarp == 0) {
            ring_.weight[stage_.at] = row.weight;
            ring_.rank[stage_.at] = row.rank;
            ring_.left[stage_.at] = left;
        }
        return ring_.full[stage_.at];
    }
    __device__ void advance() {
        __syncwarp();
        stage_.next();
    }

    Ring& ring_;
    Stage stage_;
    std::uint64_t policy_ = hopper::evict_first_policy();
};

/// Takes slices out of a ring, by one of the threads that share them.
class RingReader {
public:
    __device__ RingReader(Ring& ring, int thread) : ring_(ring), thread_(thread) {}

    /// add(value, weight, rank) for this thread's vector of each row of the next sum, in their
    /// order; false where it has none.
    template <class V, class Add>
    __device__ bool sum(Add&& add) {
        int left = 0;
        do {
            ring_.full[stage_.at].wait(stage_.round % 2);
            left = ring_.left[stage_.at];
            if (left >= 0) {
                add(reinterpret_cast<const V*>(ring_.slice[stage_.at])[thread_],
                    ring_.weight[stage_.at], ring_.rank[stage_.at]);
            }
            __syncwarp();
            if (thread_ % kWarp == 0) ring_.empty[stage_.at].arrive();
            stage_.next();
        } while (left > 0);
        return left == 0;
    }

private:
    Ring& ring_;
    int thread_;
    Stage stage_;
};

/// How a launch's workers share blocks: blocks first.
struct RingGrid {
    unsigned blocks, workers;  ///< workers: of a block

    RingGrid(std::int64_t turns, int max_blocks) {
        const auto here = std::clamp<std::int64_t>(ceil_div(turns, std::int64_t{max_blocks}), 1,
                                                   ring_workers());
        blocks = static_cast<unsigned>(std::min<std::int64_t>(max_blocks, ceil_div(turns, here)));
        workers = static_cast<unsigned>(here);
    }
    [[nodiscard]] unsigned threads() const { return workers * kWorkerThreads; }
};
/// Lets a kernel have `smem_bytes` for each of the most workers that any call has: a graph may hold
/// a call that takes more than this one.
template <class Kernel>
void allow_ring_workers(Kernel* kernel, std::size_t smem_bytes) {
    MOE_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  static_cast<int>(smem_bytes) * ring_workers()));
}

}  // namespace moe::cuda
