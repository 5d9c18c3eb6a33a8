// Weighs the shared expert by its gate. Reads x once: a warp for each row.
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/scoring.cuh"
#include "kernels/cuda/shared_gate.hpp"
#include "kernels/cuda/vector.cuh"
#include "kernels/cuda/warp.cuh"

namespace moe::cuda {
namespace {

constexpr int kWarpsPerBlock = 4;
constexpr int kThreads = kWarp * kWarpsPerBlock;

/// `vectors`: of a row.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    shared_gate(const T* x, const T* gate, std::int64_t rows, std::int64_t vectors,
                const std::uint8_t* valid, float* weight) {
    using V = Vector<T, Width>;
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const auto row = blockIdx.x * std::int64_t{kWarpsPerBlock} + threadIdx.x / kWarp;
    if (row >= rows) return;
    float total = 0;
    const bool gated = gate != nullptr && valid[row] != 0;
    for (std::int64_t i = lane; gated && i < vectors; i += kWarp) {
        const V left = reinterpret_cast<const V*>(x)[row * vectors + i];
        const V right = reinterpret_cast<const V*>(gate)[i];
#pragma unroll
        for (int j = 0; j < Width; ++j) {
            total += static_cast<float>(left.at[j]) * static_cast<float>(right.at[j]);
        }
    }
    total = warp_sum(total);
    if (lane == 0) weight[row] = gated ? sigmoid(total) : 1;
}

}  // namespace

void launch_shared_gate(const Matrix& x, const std::byte* gate, const std::uint8_t* valid,
                        float* weight, cudaStream_t stream) {
    if (x.rows == 0) return;
    visit_native(x.dtype, rows_are_wide(x.row_bytes(), {x.data, gate}), [&](auto tag, auto lanes) {
        using T = typename decltype(tag)::type;
        constexpr int kLanes = decltype(lanes)::value;
        launch(in_blocks(ceil_div(x.rows, kWarpsPerBlock), kThreads, stream),
               shared_gate<T, kLanes>, x.as<T>(), reinterpret_cast<const T*>(gate), x.rows,
               x.cols / kLanes, valid, weight);
    });
}

}  // namespace moe::cuda
