// The residual norm of rows that a worker completes slice after slice.
#pragma once

#include "kernels/cuda/residual_norm.cuh"
#include "kernels/cuda/row_ring.cuh"

#include <cstdint>

namespace moe::cuda {

/// A thread's part in row after row, with the bits of RowNorm. It adds up squares as slices come,
/// and reads the row again from caches after its last one, while the ring fills with the next.
template <class T>
class SliceNorm {
public:
    using V = Vector<T, kWide<T>>;

    /// vectors: of a row. partials: of the worker.
    __device__ SliceNorm(const NormOperands<T>& operands, std::int64_t vectors,
                         const RingThread& me, NormPartials& partials)
        : operands_(operands), vectors_(static_cast<int>(vectors)), me_(me), partials_(partials) {}

    /// Of vector i of the row whose first vector is `first` among those of all rows.
    [[nodiscard]] __device__ V residual(std::int64_t first, std::int64_t i) const {
        return norm_vectors<V>(operands_.residual)[first + i];
    }
    /// Writes h of it.
    __device__ void write(std::int64_t first, std::int64_t i, const V& x, const V& residual) {
        const NormSum<T, kWide<T>> sum(x, residual);
        norm_vectors<V>(operands_.hidden)[first + i] = sum.rounded();
        const bool odd = i / kSliceThreads % 2 != 0;
        (odd ? odd_squares_ : even_squares_) += sum.squares();
    }
    /// Writes y of the row, of which all threads of the worker have written their h, and x.
    __device__ void finish(std::int64_t first) {
        // Where kNormThreads share a row, even slices are those of the first half of them.
        static_assert(kNormThreads == 2 * kSliceThreads);
        auto& of_warp = partials_.of_warp[turn_];
        turn_ = 1 - turn_;
        const float even = warp_sum(even_squares_);
        const float odd = warp_sum(odd_squares_);
        even_squares_ = odd_squares_ = 0;
        if (me_.thread % kWarp == 0) {
            of_warp[me_.thread / kWarp] = even;
            of_warp[(me_.thread + kSliceThreads) / kWarp] = odd;
        }
        bar_sync(1 + me_.worker, kSliceThreads);  // __syncthreads() is barrier 0
        const float factor = norm_factor(operands_, of_warp);
#pragma unroll 2
        for (int i = me_.thread; i < vectors_; i += kSliceThreads) {
            const NormSum<T, kWide<T>> sum(norm_vectors<V>(operands_.rows)[first + i],
                                           residual(first, i));
            norm_vectors<V>(operands_.normed)[first + i] =
                sum.scaled(factor, norm_vectors<V>(operands_.weight)[i]);
        }
    }

private:
    const NormOperands<T>& operands_;
    int vectors_;
    const RingThread& me_;
    NormPartials& partials_;
    float even_squares_{}, odd_squares_{};
    int turn_{};
};

}  // namespace moe::cuda
