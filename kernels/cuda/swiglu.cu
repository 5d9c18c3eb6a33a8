// The gated activation: reads gate and up once, writes half as much.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/silu.cuh"
#include "kernels/cuda/swiglu.hpp"
#include "kernels/cuda/vector.cuh"

#include <algorithm>

namespace moe::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMaxBlocks = 8192;

/// `vectors`: of a row of `out`.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    swiglu(const T* gate_up, T* out, std::int64_t rows, std::int64_t vectors) {
    using V = Vector<T, Width>;
    const auto* from = reinterpret_cast<const V*>(gate_up);
    const auto stride = static_cast<std::int64_t>(gridDim.x) * kThreads;
    for (auto i = blockIdx.x * std::int64_t{kThreads} + threadIdx.x; i < rows * vectors;
         i += stride) {
        const auto row = i / vectors;
        const V gate = from[i + row * vectors];
        const V up = from[i + (row + 1) * vectors];
        V result;
#pragma unroll
        for (int j = 0; j < Width; ++j) {
            result.at[j] = static_cast<T>(silu_for<T>(static_cast<float>(gate.at[j])) *
                                          static_cast<float>(up.at[j]));
        }
        reinterpret_cast<V*>(out)[i] = result;
    }
}

}  // namespace

void launch_swiglu(const Matrix& gate_up, const Matrix& out, cudaStream_t stream) {
    if (out.elements() == 0) return;
    visit_native(out.dtype, rows_are_wide(out.row_bytes(), {gate_up.data, out.data}),
                 [&](auto tag, auto lanes) {
                     using T = typename decltype(tag)::type;
                     constexpr int kLanes = decltype(lanes)::value;
                     const auto vectors = out.cols / kLanes;
                     const auto blocks =
                         std::min(ceil_div(out.rows * vectors, kThreads), kMaxBlocks);
                     swiglu<T, kLanes><<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(
                         gate_up.as<T>(), out.as<T>(), out.rows, vectors);
                     MOE_CUDA(cudaGetLastError());
                 });
}

}  // namespace moe::cuda
