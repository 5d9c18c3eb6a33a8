// The sum of several matrices: each element is read once from each operand and written once, so
// memory bandwidth is the floor. Sixteen bytes at a time where every address allows it.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/sum.hpp"
#include "kernels/cuda/vector.cuh"

#include <algorithm>

namespace moe::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMaxBlocks = 4096;
/// Operands whose loads are in flight together: one load at a time leaves most of the bandwidth
/// idle.
constexpr int kUnroll = 4;

template <class V, int Count, int Width>
__device__ void add(const Operands& operands, std::size_t first, std::int64_t i,
                    float (&total)[Width]) {
    V operand[Count];
#pragma unroll
    for (int t = 0; t < Count; ++t)
        operand[t] = reinterpret_cast<const V*>(operands.data[first + t])[i];
#pragma unroll
    for (int t = 0; t < Count; ++t) {
#pragma unroll
        for (int j = 0; j < Width; ++j) total[j] += static_cast<float>(operand[t].at[j]);
    }
}

template <class T, int Width>
__global__ void sum(const __grid_constant__ Operands operands, T* to, std::int64_t vectors) {
    using V = Vector<T, Width>;
    const auto stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (auto i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < vectors;
         i += stride) {
        float total[Width] = {};
        std::size_t t = 0;
        for (; t + kUnroll <= operands.count; t += kUnroll) add<V, kUnroll>(operands, t, i, total);
        for (; t < operands.count; ++t) add<V, 1>(operands, t, i, total);
        V rounded;
#pragma unroll
        for (int j = 0; j < Width; ++j) rounded.at[j] = static_cast<T>(total[j]);
        reinterpret_cast<V*>(to)[i] = rounded;
    }
}

}  // namespace

void launch_sum(const Operands& operands, const Matrix& to, cudaStream_t stream) {
    if (to.elements() == 0) return;
    const bool wide = rows_are_wide(to.bytes(), {to.data}) &&
                      std::all_of(operands.data, operands.data + operands.count, is_vector_aligned);
    visit_native(to.dtype, wide, [&](auto tag, auto lanes) {
        using T = typename decltype(tag)::type;
        constexpr int kLanes = decltype(lanes)::value;
        const auto vectors = to.elements() / kLanes;
        const auto blocks = std::min(ceil_div(vectors, kThreads), kMaxBlocks);
        sum<T, kLanes>
            <<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(operands, to.as<T>(), vectors);
        MOE_CUDA(cudaGetLastError());
    });
}

}  // namespace moe::cuda
