// The local combine: each expert row is read once and each row of the layer written once, so memory
// bandwidth is the floor. A block for each row; a thread keeps its columns' sums in registers.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/vector.cuh"
#include "kernels/cuda/weighted_sum.hpp"

namespace moe::cuda {
namespace {

constexpr int kThreads = 128;
/// Rows whose chains of dependent loads (offset, index, value) are under way on a multiprocessor.
constexpr int kResident = 12;
/// Expert rows whose loads are in flight together.
constexpr int kUnroll = 4;

template <int Count, class V, int Width>
__device__ void add(const WeightedRows& rows, std::int32_t entry, const V* dense,
                    std::int64_t vectors, std::int64_t col, float (&total)[Width]) {
    V value[Count];
#pragma unroll
    for (int i = 0; i < Count; ++i) {
        value[i] = dense[rows.indices[entry + i] * vectors + col];
    }
#pragma unroll
    for (int i = 0; i < Count; ++i) {
        const float weight = rows.weights[entry + i];
#pragma unroll
        for (int j = 0; j < Width; ++j) total[j] += weight * static_cast<float>(value[i].at[j]);
    }
}

/// `vectors`: of a row.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads, kResident)
    weighted_sum(WeightedRows rows, const T* dense, T* to, std::int64_t vectors) {
    const auto* from = reinterpret_cast<const Vector<T, Width>*>(dense);
    const std::int64_t row = blockIdx.x;
    const auto first = rows.offsets[row];
    const auto end = rows.offsets[row + 1];
    for (std::int64_t col = threadIdx.x; col < vectors; col += kThreads) {
        float total[Width] = {};
        auto entry = first;
        for (; entry + kUnroll <= end; entry += kUnroll) {
            add<kUnroll>(rows, entry, from, vectors, col, total);
        }
        for (; entry < end; ++entry) add<1>(rows, entry, from, vectors, col, total);
        Vector<T, Width> rounded;
#pragma unroll
        for (int j = 0; j < Width; ++j) rounded.at[j] = static_cast<T>(total[j]);
        reinterpret_cast<Vector<T, Width>*>(to)[row * vectors + col] = rounded;
    }
}

}  // namespace

void launch_weighted_sum(const WeightedRows& rows, const Matrix& dense, const Matrix& to,
                         cudaStream_t stream) {
    MOE_EXPECT(dense.cols == to.cols && dense.dtype == to.dtype,
               "experts compute in the type that rows travel as");
    if (to.elements() == 0) return;
    visit_native(
        to.dtype, rows_are_wide(to.row_bytes(), {dense.data, to.data}), [&](auto tag, auto lanes) {
            using T = typename decltype(tag)::type;
            constexpr int kLanes = decltype(lanes)::value;
            weighted_sum<T, kLanes><<<static_cast<unsigned>(rows.rows), kThreads, 0, stream>>>(
                rows, dense.as<T>(), to.as<T>(), to.cols / kLanes);
            MOE_CUDA(cudaGetLastError());
        });
}

}  // namespace moe::cuda
