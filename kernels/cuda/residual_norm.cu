// The residual connection and RMSNorm: two matrices are read once and two written once, so memory
// bandwidth is the floor. A block for each row, whose sums stay in registers as far as rows usually
// go; what is beyond is added up once more for the second pass, from caches.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/residual_norm.hpp"
#include "kernels/cuda/vector.cuh"

#include <cub/block/block_reduce.cuh>

namespace moe::cuda {
namespace {

constexpr int kThreads = 256;
/// Vectors of a row that a thread keeps: 8192 columns of 16 bits in a block.
constexpr int kKept = 4;

template <class T>
struct NormOperands {
    const T *rows, *residual, *weight;
    T *hidden, *normed;
    float eps;
};

/// `vectors`: of a row.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    residual_norm(const NormOperands<T> operands, std::int64_t vectors) {
    using V = Vector<T, Width>;
    struct Sum {
        float at[Width];
    };
    const auto start = blockIdx.x * vectors;
    const auto* rows = reinterpret_cast<const V*>(operands.rows) + start;
    const auto* residual = reinterpret_cast<const V*>(operands.residual) + start;
    const auto* weight = reinterpret_cast<const V*>(operands.weight);
    auto* hidden = reinterpret_cast<V*>(operands.hidden) + start;
    auto* normed = reinterpret_cast<V*>(operands.normed) + start;

    const auto sum_of = [&](std::int64_t i) {
        const V x = rows[i];
        const V r = residual[i];
        Sum sum;
#pragma unroll
        for (int j = 0; j < Width; ++j) {
            sum.at[j] = static_cast<float>(x.at[j]) + static_cast<float>(r.at[j]);
        }
        return sum;
    };
    float squares = 0;
    const auto keep = [&](std::int64_t i, const Sum& sum) {
        V rounded;
#pragma unroll
        for (int j = 0; j < Width; ++j) {
            squares += sum.at[j] * sum.at[j];
            rounded.at[j] = static_cast<T>(sum.at[j]);
        }
        hidden[i] = rounded;
    };
    Sum kept[kKept];
#pragma unroll
    for (int k = 0; k < kKept; ++k) {
        const std::int64_t i = threadIdx.x + k * kThreads;
        if (i < vectors) kept[k] = sum_of(i);
    }
#pragma unroll
    for (int k = 0; k < kKept; ++k) {
        const std::int64_t i = threadIdx.x + k * kThreads;
        if (i < vectors) keep(i, kept[k]);
    }
    const std::int64_t beyond = threadIdx.x + kKept * kThreads;
    for (auto i = beyond; i < vectors; i += kThreads) keep(i, sum_of(i));

    using Reduce = cub::BlockReduce<float, kThreads>;
    __shared__ typename Reduce::TempStorage storage;
    __shared__ float shared_factor;
    const float total = Reduce(storage).Sum(squares);
    if (threadIdx.x == 0) {
        shared_factor = rsqrtf(total / static_cast<float>(vectors * Width) + operands.eps);
    }
    __syncthreads();
    const float factor = shared_factor;
    const auto scale = [&](std::int64_t i, const Sum& sum) {
        const V g = weight[i];
        V result;
#pragma unroll
        for (int j = 0; j < Width; ++j) {
            result.at[j] = static_cast<T>(sum.at[j] * factor * static_cast<float>(g.at[j]));
        }
        normed[i] = result;
    };
#pragma unroll
    for (int k = 0; k < kKept; ++k) {
        const std::int64_t i = threadIdx.x + k * kThreads;
        if (i < vectors) scale(i, kept[k]);
    }
    for (auto i = beyond; i < vectors; i += kThreads) scale(i, sum_of(i));
}

}  // namespace

void launch_residual_norm(const ResidualNorm& norm, cudaStream_t stream) {
    if (norm.rows.elements() == 0) return;
    const bool wide = rows_are_wide(
        norm.rows.row_bytes(),
        {norm.rows.data, norm.residual.data, norm.weight.data, norm.hidden.data, norm.normed.data});
    visit_native(norm.rows.dtype, wide, [&](auto tag, auto lanes) {
        using T = typename decltype(tag)::type;
        constexpr int kLanes = decltype(lanes)::value;
        const NormOperands<T> operands{norm.rows.as<T>(),   norm.residual.as<T>(),
                                       norm.weight.as<T>(), norm.hidden.as<T>(),
                                       norm.normed.as<T>(), norm.eps};
        residual_norm<T, kLanes><<<static_cast<unsigned>(norm.rows.rows), kThreads, 0, stream>>>(
            operands, norm.rows.cols / kLanes);
        MOE_CUDA(cudaGetLastError());
    });
}

}  // namespace moe::cuda
