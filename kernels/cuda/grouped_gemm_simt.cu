// The grouped matrix product for every type and size, on the ordinary cores: what the tensor cores
// are not for (f32, rows that are no multiple of 16 bytes) still has to be right.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/grouped_gemm.hpp"
#include "kernels/cuda/silu.cuh"
#include "kernels/cuda/tiles.cuh"
#include "kernels/cuda/vector.cuh"

namespace moe::cuda {
namespace {

constexpr int kTile = 64;  ///< rows and columns of a block's tile
constexpr int kDepth = 16;
constexpr int kThreads = 256;
constexpr int kEach = 4;  ///< rows and columns of a thread's part of the tile
constexpr int kAcross = kTile / kEach;
constexpr int kBlocksPerSm = 2;

/// One tile's slice of `depth` columns, transposed: a thread's rows lie beside each other.
using Slice = float[kDepth][kTile + 1];

/// Rows [first, first + rows) and columns [col, col + kDepth) of a matrix of `cols` columns; zeros
/// outside.
template <class T>
__device__ void load(const T* matrix, std::int64_t first, int rows, std::int64_t cols,
                     std::int64_t col, Slice& slice) {
    for (int i = static_cast<int>(threadIdx.x); i < kTile * kDepth; i += kThreads) {
        const int row = i / kDepth;
        const int depth = i % kDepth;
        const bool inside = row < rows && col + depth < cols;
        slice[depth][row] =
            inside ? static_cast<float>(matrix[(first + row) * cols + col + depth]) : 0.0F;
    }
}

struct Sums {
    float at[kEach][kEach] = {};
    __device__ void add(const Slice& a, const Slice& w, int row, int col) {
#pragma unroll
        for (int d = 0; d < kDepth; ++d) {
#pragma unroll
            for (int i = 0; i < kEach; ++i) {
#pragma unroll
                for (int j = 0; j < kEach; ++j) {
                    at[i][j] += a[d][row + i] * w[d][col + j];
                }
            }
        }
    }
};

template <class T, bool Gated>
__global__ void __launch_bounds__(kThreads)
    multiply(const T* in, const T* weights, T* out, std::int64_t depth, std::int64_t cols,
             const std::int32_t* offsets, int experts) {
    __shared__ Slice a;
    __shared__ Slice w;
    __shared__ Slice up;
    const int row = static_cast<int>(threadIdx.x) / kAcross * kEach;
    const int col = static_cast<int>(threadIdx.x) % kAcross * kEach;
    const auto weight_rows = (Gated ? 2 : 1) * cols;
    Tiles tiles(offsets, experts, kTile, static_cast<int>(ceil_div(cols, kTile)));
    for (int index = static_cast<int>(blockIdx.x); tiles.find(index);
         index += static_cast<int>(gridDim.x)) {
        const int rows = min(tiles.rows_left(), kTile);
        const auto first_col = std::int64_t{tiles.col_tile()} * kTile;
        const int width = static_cast<int>(min(cols - first_col, std::int64_t{kTile}));
        const auto first_weight = tiles.expert() * weight_rows + first_col;
        Sums sum;
        Sums sum_up;
        for (std::int64_t d = 0; d < depth; d += kDepth) {
            load(in, tiles.row(), rows, depth, d, a);
            load(weights, first_weight, width, depth, d, w);
            if (Gated) load(weights, first_weight + cols, width, depth, d, up);
            __syncthreads();
            sum.add(a, w, row, col);
            if (Gated) sum_up.add(a, up, row, col);
            __syncthreads();
        }
#pragma unroll
        for (int i = 0; i < kEach; ++i) {
#pragma unroll
            for (int j = 0; j < kEach; ++j) {
                if (row + i >= rows || col + j >= width) continue;
                const float value =
                    Gated ? silu_for<T>(sum.at[i][j]) * sum_up.at[i][j] : sum.at[i][j];
                out[(tiles.row() + row + i) * cols + first_col + col + j] = static_cast<T>(value);
            }
        }
    }
}

void launch_simt(const GroupedGemm& gemm, cudaStream_t stream) {
    const auto blocks = static_cast<unsigned>(kBlocksPerSm * sms_of(gemm));
    const auto depth = gemm.in.cols;
    const auto cols = gemm.out.cols;
    const auto experts = static_cast<int>(gemm.experts);
    visit_native(gemm.in.dtype, false, [&](auto tag, auto) {
        using T = typename decltype(tag)::type;
        const auto* weights = reinterpret_cast<const T*>(gemm.weights);
        const auto run = [&](auto* kernel) {
            kernel<<<blocks, kThreads, 0, stream>>>(gemm.in.as<T>(), weights, gemm.out.as<T>(),
                                                    depth, cols, gemm.offsets, experts);
        };
        if (gemm.gated) {
            run(multiply<T, true>);
        } else {
            run(multiply<T, false>);
        }
        MOE_CUDA(cudaGetLastError());
    });
}

}  // namespace

const GroupedGemmKernel kGroupedGemmSimt{.name = "grouped_gemm_simt",
                                         .can = [](const GroupedGemm& /*gemm*/) { return true; },
                                         .launch = launch_simt};

}  // namespace moe::cuda
