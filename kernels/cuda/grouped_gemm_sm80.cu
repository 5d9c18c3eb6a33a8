// The grouped matrix product on the tensor cores of every device since Ampere: mma.sync fed by
// asynchronous copies into a ring of stages in shared memory. Tiles are small in rows, because an
// expert has few rows when little is decoded; then reading the weights once is the floor.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/grouped_gemm.hpp"
#include "kernels/cuda/silu.cuh"
#include "kernels/cuda/tiles.cuh"
#include "kernels/cuda/vector.cuh"

#include <cuda_pipeline_primitives.h>

namespace moe::cuda {
namespace {

constexpr int kRows = 64;   ///< of a tile: rows of `in`
constexpr int kHalf = 64;   ///< weight rows of each half of a tile: gate and up, or neighbours
constexpr int kDepth = 64;  ///< of a stage: 128 bytes, eight 16-byte pieces
constexpr int kPieces = 8;  ///< of a row of a stage
constexpr int kStages = 4;
constexpr int kThreads = 256;  ///< 2 warps down the rows times 4 across the weight rows
constexpr int kPieceBytes = 16;
constexpr int kRowBytes = kPieces * kPieceBytes;
constexpr int kStageBytes = (kRows + 2 * kHalf) * kRowBytes;
constexpr int kAmpere = 8;  ///< major compute capability

/// Where a piece of a stage lies: eight rows that ldmatrix reads together in eight different banks.
__device__ int place(int row, int piece) {
    return row * kRowBytes + (piece ^ (row % kPieces)) * kPieceBytes;
}

__device__ void ldmatrix_x4(std::uint32_t (&to)[4], const std::byte* from) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(from))));
}

__device__ void mma_m16n8k16(float (&sum)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                             std::uint32_t b1, Tag<__nv_bfloat16>) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
__device__ void mma_m16n8k16(float (&sum)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                             std::uint32_t b1, Tag<__half>) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

template <class T>
struct Problem {
    const T* in;
    const T* weights;
    T* out;
    std::int64_t depth;
    std::int64_t cols;
    const std::int32_t* offsets;
    int experts;
};

/// Where a tile's rows come from.
struct Source {
    std::int64_t row;  ///< of `in`
    int rows;
    std::int64_t first;  ///< weight row of the first half
    std::int64_t second;
    int width;  ///< weight rows of the first half that exist
    int second_width;
};

template <class T>
__device__ void load_stage(const Problem<T>& p, const Source& from, std::int64_t depth,
                           std::byte* stage) {
    const int pieces = depth < p.depth ? (kRows + 2 * kHalf) * kPieces : 0;  // none behind the end
    for (int i = static_cast<int>(threadIdx.x); i < pieces; i += kThreads) {
        const int row = i / kPieces;
        const int piece = i % kPieces;
        const auto col = depth + piece * kWide<T>;
        const T* start = p.in;
        bool inside = col < p.depth;
        if (row < kRows) {
            inside = inside && row < from.rows;
            start += (from.row + row) * p.depth + col;
        } else {
            const bool second = row >= kRows + kHalf;
            const int of_half = (row - kRows) % kHalf;
            inside = inside && of_half < (second ? from.second_width : from.width);
            start = p.weights + ((second ? from.second : from.first) + of_half) * p.depth + col;
        }
        __pipeline_memcpy_async(stage + place(row, piece), inside ? start : p.in, kPieceBytes,
                                inside ? 0 : kPieceBytes);  // zeros outside
    }
    __pipeline_commit();
}

/// A warp's 32 rows by 16 weight rows of each half, as 2 x 2 fragments of 16 x 8.
struct Sums {
    float at[2][2][2][4] = {};  ///< [half][rows][columns]

    template <class T>
    __device__ void add(const std::byte* stage, int warp_row, int warp_col, int lane) {
#pragma unroll
        for (int step = 0; step < kDepth / 16; ++step) {
            std::uint32_t a[2][4];
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                ldmatrix_x4(a[i],
                            stage + place(warp_row + i * 16 + lane % 16, step * 2 + lane / 16));
            }
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                std::uint32_t w[4];  // two fragments of 8 weight rows, two of depth 8 each
                const int row = kRows + half * kHalf + warp_col + lane / 16 * 8 + lane % 8;
                ldmatrix_x4(w, stage + place(row, step * 2 + lane / 8 % 2));
#pragma unroll
                for (int i = 0; i < 2; ++i) {
                    mma_m16n8k16(at[half][i][0], a[i], w[0], w[1], Tag<T>{});
                    mma_m16n8k16(at[half][i][1], a[i], w[2], w[3], Tag<T>{});
                }
            }
        }
    }
};

/// Two neighbours at a time; there are as many columns as 16-byte pieces make, so never half a one.
template <class T>
__device__ void store(const Problem<T>& p, std::int64_t row, std::int64_t col, float left,
                      float right) {
    *reinterpret_cast<Vector<T, 2>*>(p.out + row * p.cols + col) = {static_cast<T>(left),
                                                                    static_cast<T>(right)};
}

template <class T, bool Gated>
__device__ void store_tile(const Problem<T>& p, const Sums& sums, const Source& from,
                           std::int64_t first_col, int warp_row, int warp_col, int lane) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
#pragma unroll
        for (int lower = 0; lower < 2; ++lower) {
            const int row = warp_row + i * 16 + lower * 8 + lane / 4;
            if (row >= from.rows) continue;
#pragma unroll
            for (int j = 0; j < 2; ++j) {
                const int col = warp_col + j * 8 + lane % 4 * 2;
                const float* first = &sums.at[0][i][j][lower * 2];
                const float* second = &sums.at[1][i][j][lower * 2];
                if (Gated) {
                    if (col >= from.width) continue;
                    store(p, from.row + row, first_col + col, silu_for<T>(first[0]) * second[0],
                          silu_for<T>(first[1]) * second[1]);
                } else {
                    if (col < from.width) {
                        store(p, from.row + row, first_col + col, first[0], first[1]);
                    }
                    if (col < from.second_width) {
                        store(p, from.row + row, first_col + kHalf + col, second[0], second[1]);
                    }
                }
            }
        }
    }
}

__device__ int clipped(std::int64_t left) {
    return static_cast<int>(max(std::int64_t{0}, min(left, std::int64_t{kHalf})));
}

template <class T, bool Gated>
__global__ void __launch_bounds__(kThreads) multiply(const Problem<T> p) {
    extern __shared__ __align__(128) std::byte memory[];
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int warp = static_cast<int>(threadIdx.x) / 32;
    const int warp_row = warp / 4 * 32;
    const int warp_col = warp % 4 * 16;
    constexpr int kCols = Gated ? kHalf : 2 * kHalf;
    const auto stages = ceil_div(p.depth, kDepth);
    Tiles tiles(p.offsets, p.experts, kRows, static_cast<int>(ceil_div(p.cols, kCols)));
    for (int index = static_cast<int>(blockIdx.x); tiles.find(index);
         index += static_cast<int>(gridDim.x)) {
        const auto first_col = std::int64_t{tiles.col_tile()} * kCols;
        const auto left = p.cols - first_col;
        const auto first = tiles.expert() * (Gated ? 2 : 1) * p.cols + first_col;
        const Source from{tiles.row(),   min(tiles.rows_left(), kRows),
                          first,         first + (Gated ? p.cols : kHalf),
                          clipped(left), clipped(Gated ? left : left - kHalf)};
        Sums sums;
        for (int s = 0; s < kStages - 1; ++s) {
            load_stage(p, from, std::int64_t{s} * kDepth, memory + s * kStageBytes);
        }
        for (std::int64_t s = 0; s < stages; ++s) {
            // All but the youngest groups have arrived: the one for this stage has.
            __pipeline_wait_prior(kStages - 2);
            __syncthreads();
            const auto next = s + kStages - 1;
            load_stage(p, from, next * kDepth, memory + next % kStages * kStageBytes);
            sums.template add<T>(memory + s % kStages * kStageBytes, warp_row, warp_col, lane);
        }
        store_tile<T, Gated>(p, sums, from, first_col, warp_row, warp_col, lane);
        __syncthreads();  // the next tile's first stages overwrite this one's last
    }
}

template <class T>
void launch(const GroupedGemm& gemm, cudaStream_t stream) {
    const Problem<T> problem{gemm.in.as<T>(),
                             reinterpret_cast<const T*>(gemm.weights),
                             gemm.out.as<T>(),
                             gemm.in.cols,
                             gemm.out.cols,
                             gemm.offsets,
                             static_cast<int>(gemm.experts)};
    constexpr int kBytes = kStages * kStageBytes;
    const auto run = [&](auto* kernel) {
        MOE_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes));
        int resident = 0;
        MOE_CUDA(
            cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resident, kernel, kThreads, kBytes));
        kernel<<<static_cast<unsigned>(resident * sms_of(gemm)), kThreads, kBytes, stream>>>(
            problem);
    };
    if (gemm.gated) {
        run(multiply<T, true>);
    } else {
        run(multiply<T, false>);
    }
    MOE_CUDA(cudaGetLastError());
}

bool can_launch(const GroupedGemm& gemm) {
    return suits_tensor_cores(gemm) && capability().major >= kAmpere;
}

void launch_for_type(const GroupedGemm& gemm, cudaStream_t stream) {
    if (gemm.in.dtype == DType::bf16) {
        launch<__nv_bfloat16>(gemm, stream);
    } else {
        launch<__half>(gemm, stream);
    }
}

}  // namespace

bool suits_tensor_cores(const GroupedGemm& gemm) {
    return gemm.in.dtype != DType::f32 && gemm.in.cols > 0 &&
           rows_are_wide(gemm.in.row_bytes(), {gemm.in.data, gemm.weights}) &&
           rows_are_wide(gemm.out.row_bytes(), {gemm.out.data});
}

const GroupedGemmKernel kGroupedGemmSm80{
    .name = "grouped_gemm_sm80", .can = can_launch, .launch = launch_for_type};

}  // namespace moe::cuda
