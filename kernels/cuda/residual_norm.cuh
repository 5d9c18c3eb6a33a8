// The residual connection and RMSNorm of one row, whose elements come vector by vector: from
// memory, or from the sum that has just completed them. Every kernel that has it adds up a row's
// squares in the same order, whatever its grid, so that all have the same bits.
#pragma once

#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/vector.cuh"
#include "kernels/cuda/warp.cuh"
#include "kernels/runtime/device.hpp"

#include <cstdint>

namespace moe::cuda {

/// Threads that share a row; a block is one such group or several. Thread t of a group has the
/// vectors t + k * kNormThreads of each row.
constexpr int kNormThreads = 256;
constexpr int kNormWarps = kNormThreads / kWarp;

/// A ResidualNorm as kernels take it.
template <class T>
struct NormOperands {
    const T *rows, *residual, *weight;
    T *hidden, *normed;
    float eps;
    int cols;
};
template <class T>
NormOperands<T> norm_operands(const ResidualNorm& norm) {
    return {norm.rows.as<T>(),
            norm.residual.as<T>(),
            norm.weight.as<T>(),
            norm.hidden.as<T>(),
            norm.normed.as<T>(),
            norm.eps,
            static_cast<int>(norm.rows.cols)};
}

/// Elements, vector by vector.
template <class V, class T>
[[nodiscard]] __device__ const V* norm_vectors(const T* elements) {
    return reinterpret_cast<const V*>(elements);
}
template <class V, class T>
[[nodiscard]] __device__ V* norm_vectors(T* elements) {
    return reinterpret_cast<V*>(elements);
}

/// What the norm makes of one vector of a row: h before it is rounded, its squares, and y.
template <class T, int Width>
struct NormSum {
    using V = Vector<T, Width>;
    float at[Width];

    NormSum() = default;
    __device__ NormSum(const V& x, const V& residual) {
#pragma unroll
        for (int j = 0; j < Width; ++j) {
            at[j] = static_cast<float>(x.at[j]) + static_cast<float>(residual.at[j]);
        }
    }
    [[nodiscard]] __device__ V rounded() const {
        V result;
#pragma unroll
        for (int j = 0; j < Width; ++j) result.at[j] = static_cast<T>(at[j]);
        return result;
    }
    [[nodiscard]] __device__ float squares() const {
        float sum = 0;
#pragma unroll
        for (int j = 0; j < Width; ++j) sum = fmaf(at[j], at[j], sum);
        return sum;
    }
    [[nodiscard]] __device__ V scaled(float factor, const V& weight) const {
        V result;
#pragma unroll
        for (int j = 0; j < Width; ++j) {
            result.at[j] = static_cast<T>(at[j] * factor * static_cast<float>(weight.at[j]));
        }
        return result;
    }
};

/// A row's squares, by the warp that has their vectors where kNormThreads share the row: a lane
/// adds up those of its vectors in their order, and warp_sum() those of the lanes. Every kernel
/// keeps to this order, whichever of its threads has which vector.
using WarpSquares = float[kNormWarps];

/// What a row's h is scaled by, before the weights.
template <class T>
[[nodiscard]] __device__ float norm_factor(const NormOperands<T>& operands,
                                           const WarpSquares& of_warp) {
    float total = 0;
#pragma unroll
    for (int warp = 0; warp < kNormWarps; ++warp) total += of_warp[warp];
    return rsqrtf(total / static_cast<float>(operands.cols) + operands.eps);
}

/// What a group's warps tell each other, in shared memory. Rows take turns in it, so that one
/// barrier for each is enough.
struct NormPartials {
    WarpSquares of_warp[2];
};

/// A group's part in row after row. It keeps the thread's first kKept vectors of a row in registers
/// and reads what is beyond again for the second pass, from caches. kGroups: of a block.
template <class T, int Width, int kKept, int kGroups = 1>
class RowNorm {
public:
    using V = Vector<T, Width>;

    __device__ RowNorm(const NormOperands<T>& operands, NormPartials& partials)
        : operands_(operands), partials_(partials), vectors_(operands.cols / Width) {}

    /// The thread's k-th vector of a row.
    [[nodiscard]] static __device__ int vector(int k) {
        return static_cast<int>(threadIdx.x) % kNormThreads + k * kNormThreads;
    }
    /// Whether a row has it.
    [[nodiscard]] __device__ bool has(int i) const { return i < vectors_; }
    [[nodiscard]] __device__ V weight(int i) const { return norm_vectors<V>(operands_.weight)[i]; }

    __device__ void begin(std::int64_t first) {
        first_ = first;
        squares_ = 0;
    }
    /// Of the row whose first vector is `first` among those of all rows.
    [[nodiscard]] __device__ V residual(std::int64_t first, int i) const {
        return norm_vectors<V>(operands_.residual)[first + i];
    }
    /// Keeps h of vector(k), of which these are the terms; k < kKept.
    __device__ void keep(int k, const V& x, const V& residual) { kept_[k] = Sum(x, residual); }
    /// Writes what was kept of vector(k), in the order of k.
    __device__ void write(int k) { write(vector(k), kept_[k]); }
    /// Writes h of a vector beyond the kept ones, after those and in order.
    __device__ void write(int i, const V& x) { write(i, Sum(x, residual(first_, i))); }
    /// Writes y of the whole row: every thread of the group comes, when it has written all h that
    /// it has. weight(k, i): of vector i, the thread's k-th.
    template <class Weight>
    __device__ void finish(Weight&& weight) {
        const float factor = norm_factor(operands_, squares_of_group());
#pragma unroll
        for (int k = 0; k < kKept; ++k) {
            if (has(vector(k))) scale(vector(k), kept_[k], factor, weight(k, vector(k)));
        }
        for (int i = vector(kKept); has(i); i += kNormThreads) {
            scale(i, Sum(sum(i), residual(first_, i)), factor, this->weight(i));
        }
    }

    /// All of it, of a row in memory, of which each thread may have written its own vectors.
    __device__ void run(std::int64_t first) {
        begin(first);
#pragma unroll
        for (int k = 0; k < kKept; ++k) {
            if (has(vector(k))) keep(k, sum(vector(k)), residual(first, vector(k)));
        }
#pragma unroll
        for (int k = 0; k < kKept; ++k) {
            if (has(vector(k))) write(k);
        }
        for (int i = vector(kKept); has(i); i += kNormThreads) write(i, sum(i));
        finish([&](int /*k*/, int i) { return weight(i); });
    }

private:
    using Sum = NormSum<T, Width>;

    /// x of a vector.
    [[nodiscard]] __device__ V sum(int i) const {
        return norm_vectors<V>(operands_.rows)[first_ + i];
    }
    __device__ void write(int i, const Sum& sum) {
        squares_ += sum.squares();
        norm_vectors<V>(operands_.hidden)[first_ + i] = sum.rounded();
    }
    __device__ void scale(int i, const Sum& sum, float factor, const V& weight) {
        norm_vectors<V>(operands_.normed)[first_ + i] = sum.scaled(factor, weight);
    }
    [[nodiscard]] __device__ const WarpSquares& squares_of_group() {
        const int warp = static_cast<int>(threadIdx.x) % kNormThreads / kWarp;
        auto& of_warp = partials_.of_warp[turn_];
        turn_ = 1 - turn_;
        const float of_mine = warp_sum(squares_);
        if (threadIdx.x % kWarp == 0) of_warp[warp] = of_mine;
        if constexpr (kGroups == 1) {
            __syncthreads();
        } else {
            bar_sync(1 + static_cast<int>(threadIdx.x) / kNormThreads, kNormThreads);
        }
        return of_warp;
    }

    const NormOperands<T>& operands_;
    NormPartials& partials_;
    int vectors_;           ///< of a row
    std::int64_t first_{};  ///< vector of the row, among those of all rows
    float squares_{};
    Sum kept_[kKept];
    int turn_{};
};

}  // namespace moe::cuda
