// The residual norm of a row that any number of threads share, a vector each or several: those of a
// block that sums it up, as they complete it.
#pragma once

#include "kernels/cuda/residual_norm.cuh"

#include <cstddef>
#include <cstdint>

namespace moe::cuda {

/// Threads that share rows: some whole warps of a block, which has several such groups.
struct RowGroup {
    int number, threads;
    int thread;  ///< this one's number in the group

    explicit __device__ RowGroup(int threads)
        : number(static_cast<int>(threadIdx.x) / threads),
          threads(threads),
          thread(static_cast<int>(threadIdx.x) - number * threads) {}

    /// Waits for the group. __syncthreads() is barrier 0.
    __device__ void sync() const { bar_sync(1 + number, threads); }
};

/// Where a group's threads tell each other squares, in shared memory: those of a row's vectors, and
/// what they make for warps.
struct SpreadPartials {
    WarpSquares& of_warp;
    float* of_vector;

    /// Of group `group`, in memory of bytes(vectors) for each.
    __device__ SpreadPartials(std::byte* memory, int group, std::int64_t vectors)
        : of_warp(*reinterpret_cast<WarpSquares*>(memory + group * bytes(vectors))),
          of_vector(of_warp + kNormWarps) {}
    [[nodiscard]] static __host__ __device__ std::int64_t bytes(std::int64_t vectors) {
        return (kNormWarps + vectors) * static_cast<std::int64_t>(sizeof(float));
    }
};

/// A group's part in row after row, with the bits of RowNorm. The thread's first vector of a row
/// stays in registers; those after it are read again for the second pass, from caches.
template <class T, int Width>
class SpreadNorm {
public:
    using V = Vector<T, Width>;

    __device__ SpreadNorm(const NormOperands<T>& operands, const SpreadPartials& partials,
                          const RowGroup& group)
        : operands_(operands),
          partials_(partials),
          group_(group),
          vectors_(operands.cols / Width) {
        if (group.thread < vectors_) weight_ = weight(group.thread);
        if (group.thread < kNormWarps) partials.of_warp[group.thread] = 0;
    }

    /// Of the row whose first vector is `first` among those of all rows.
    [[nodiscard]] __device__ V residual(std::int64_t first, int i) const {
        return norm_vectors<V>(operands_.residual)[first + i];
    }
    /// Writes h of the thread's first vector, of which these are the terms.
    __device__ void keep(std::int64_t first, const V& x, const V& residual) {
        kept_ = Sum(x, residual);
        write(first, group_.thread, kept_);
    }
    /// The same of vector i after it.
    __device__ void write(std::int64_t first, int i, const V& x) {
        write(first, i, Sum(x, residual(first, i)));
    }
    /// Writes y of the row: every thread of the group comes, when it has written all h that it has.
    __device__ void finish(std::int64_t first) {
        group_.sync();
        add_up();
        group_.sync();
        const float factor = norm_factor(operands_, partials_.of_warp);
        int i = group_.thread;
        if (i < vectors_) scale(first, i, kept_, factor, weight_);
#pragma unroll 1
        for (i += group_.threads; i < vectors_; i += group_.threads) {
            const Sum sum(norm_vectors<V>(operands_.rows)[first + i], residual(first, i));
            scale(first, i, sum, factor, weight(i));
        }
    }

private:
    using Sum = NormSum<T, Width>;

    [[nodiscard]] __device__ V weight(int i) const {
        return norm_vectors<V>(operands_.weight)[i];
    }
    __device__ void write(std::int64_t first, int i, const Sum& sum) {
        partials_.of_vector[i] = sum.squares();
        norm_vectors<V>(operands_.hidden)[first + i] = sum.rounded();
    }
    __device__ void scale(std::int64_t first, int i, const Sum& sum, float factor,
                          const V& weight) {
        norm_vectors<V>(operands_.normed)[first + i] = sum.scaled(factor, weight);
    }
    /// What squares of vectors make of those of warps. A group of fewer warps has no vectors of the
    /// others.
    __device__ void add_up() {
        const int thread = group_.thread;
        if (thread >= kNormThreads) return;
        float squares = 0;
#pragma unroll 1
        for (int i = thread; i < vectors_; i += kNormThreads) squares += partials_.of_vector[i];
        squares = warp_sum(squares);
        if (thread % kWarp == 0) partials_.of_warp[thread / kWarp] = squares;
    }

    const NormOperands<T>& operands_;
    SpreadPartials partials_;
    RowGroup group_;
    int vectors_;  ///< of a row
    V weight_;     ///< of the first vector
    Sum kept_;
};

}  // namespace moe::cuda
