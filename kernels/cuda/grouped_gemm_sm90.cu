// The grouped matrix product on Hopper. The weights take the side of the tile that is always full
// (their rows), the tokens the side whose width can be small: an expert with 16 rows fills a tile
// of 16, and the time is that of reading its weights once.
//
// A block stays on its multiprocessor and walks through the tiles. One warp keeps TMA busy,
// across tile borders, with a ring of stages in shared memory; two warpgroups multiply, each
// the same 64 rows of two halves of the weights' tile: gate and up (then the activation needs no
// other thread's values) or two neighbouring halves. Their results turn round in shared memory, so
// that they are written as whole sectors of the output's rows.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/grouped_gemm.hpp"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/silu.cuh"
#include "kernels/cuda/tensor_map.hpp"
#include "kernels/cuda/tiles.cuh"
#include "kernels/cuda/vector.cuh"
#include "kernels/cuda/wgmma.cuh"

#include <type_traits>

namespace moe::cuda {
namespace {

constexpr int kDepth = 64;  ///< of a stage: rows of 128 bytes, as wide as the swizzle
constexpr int kRowBytes = 128;
constexpr int kHalf = 128;   ///< weight rows of each half of a tile
constexpr int kPart = 64;    ///< of these for each warpgroup
constexpr int kGroup = 128;  ///< threads of a warpgroup
constexpr int kMultiplying = 2;
constexpr int kThreads = (1 + kMultiplying) * kGroup;
constexpr int kProductDepth = 16;
constexpr int kPieces = 8;  ///< of 16 bytes, in a row of a stage and of a transposed result
constexpr int kHopper = 9;  ///< major compute capability

/// `Tokens`: rows of `in` in a tile.
template <int Tokens>
struct Shape {
    static constexpr int kWeightBytes = 2 * kHalf * kRowBytes;
    static constexpr int kStageBytes = kWeightBytes + Tokens * kRowBytes;
    static constexpr int kEpilogueBytes = Tokens * kRowBytes;  ///< of each warpgroup
    /// What is left of a block's 227 KiB after the transposed results, the mbarriers and the
    /// offsets.
    static constexpr int kStages =
        (227 * 1024 - kMultiplying * kEpilogueBytes - 3072) / kStageBytes;
    static constexpr int kMbarriersAt = kStages * kStageBytes + kMultiplying * kEpilogueBytes;
    static constexpr int kOffsetsAt =
        kMbarriersAt + 2 * kStages * static_cast<int>(sizeof(hopper::Mbarrier));
    static constexpr int kMaxOffsets = (227 * 1024 - kOffsetsAt) / 4;
};

struct Problem {
    CUtensorMap weights;
    CUtensorMap in;
    std::byte* out;
    const std::int32_t* offsets;
    int experts;
    int depth;
    int cols;
    int col_tiles;
};

/// The stage that comes next, and how often the ring has been gone round.
template <int Stages>
struct Ring {
    int stage{};
    unsigned parity{};
    __device__ void advance() {
        if (++stage < Stages) return;
        stage = 0;
        parity ^= 1U;
    }
};

template <int Tokens, bool Gated>
__device__ void load_tiles(const Problem& p, std::byte* memory, hopper::Mbarrier* full,
                           hopper::Mbarrier* empty, Tiles tiles) {
    using S = Shape<Tokens>;
    hopper::prefetch_tensormap(p.weights);
    hopper::prefetch_tensormap(p.in);
    Ring<S::kStages> ring;
    const int weight_rows = (Gated ? 2 : 1) * p.cols;
    constexpr int kCols = Gated ? kHalf : 2 * kHalf;
    for (int index = static_cast<int>(blockIdx.x); tiles.find(index);
         index += static_cast<int>(gridDim.x)) {
        const int first = tiles.expert() * weight_rows + tiles.col_tile() * kCols;
        const int second = first + (Gated ? p.cols : kHalf);
        for (int depth = 0; depth < p.depth; depth += kDepth, ring.advance()) {
            auto* stage = memory + ring.stage * S::kStageBytes;
            empty[ring.stage].wait(ring.parity ^ 1U);  // the first time round all are
            full[ring.stage].arrive_and_expect(S::kStageBytes);
            hopper::tma_load_2d(stage, p.weights, depth, first, full[ring.stage]);
            hopper::tma_load_2d(stage + kHalf * kRowBytes, p.weights, depth, second,
                                full[ring.stage]);
            hopper::tma_load_2d(stage + S::kWeightBytes, p.in, depth, tiles.row(),
                                full[ring.stage]);
        }
    }
}

/// Two values that are neighbours in a row of tokens, as one register holds them.
template <class T>
__device__ std::uint32_t pair_of(float low, float high) {
    const Vector<T, 2> both{static_cast<T>(low), static_cast<T>(high)};
    return *reinterpret_cast<const std::uint32_t*>(&both);
}

/// A warpgroup's 64 weight rows x Tokens become Tokens rows of 64 values (128 bytes, pieces
/// swizzled so that eight rows written or read together lie in different banks).
template <class T, int Tokens>
__device__ void transpose_to_smem(const float (&sum)[Tokens / 2], std::byte* smem) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int warp = static_cast<int>(threadIdx.x) % kGroup / 32;
#pragma unroll
    for (int j = 0; j < Tokens / 8; j += 2) {
        // Four 8 x 8 parts: upper and lower rows of two groups of tokens. Each lane names the place
        // of one row of one part.
        const int token = (j + lane / 16) * 8 + lane % 8;
        const int piece = warp * 2 + lane / 8 % 2;
        const auto to =
            hopper::shared_address(smem + token * kRowBytes + ((piece ^ token) % kPieces) * 16);
        const float* at = sum + 4 * j;
        asm volatile(
            "stmatrix.sync.aligned.m8n8.x4.trans.shared::cta.b16 [%0], {%1, %2, %3, %4};" ::"r"(to),
            "r"(pair_of<T>(at[0], at[1])), "r"(pair_of<T>(at[2], at[3])),
            "r"(pair_of<T>(at[4], at[5])), "r"(pair_of<T>(at[6], at[7]))
            : "memory");
    }
}

/// Stores the transposed rows to columns [col, col + 64) of the output, as far as they exist.
template <class T>
__device__ void store_epilogue(const Problem& p, const std::byte* smem, int row, int rows,
                               int col) {
    const int thread = static_cast<int>(threadIdx.x) % kGroup;
    auto* out = reinterpret_cast<T*>(p.out);
    for (int i = thread; i < rows * kPieces; i += kGroup) {
        const int token = i / kPieces;
        const int piece = i % kPieces;
        const int first = col + piece * kWide<T>;
        if (first >= p.cols) continue;
        const auto* from = smem + token * kRowBytes + ((piece ^ token) % kPieces) * 16;
        *reinterpret_cast<uint4*>(out + std::int64_t{row + token} * p.cols + first) =
            *reinterpret_cast<const uint4*>(from);
    }
}

template <class T, int Tokens, bool Gated>
__device__ void multiply_tiles(const Problem& p, std::byte* memory, hopper::Mbarrier* full,
                               hopper::Mbarrier* empty, Tiles tiles) {
    using S = Shape<Tokens>;
    using Wgmma = hopper::Wgmma<T, Tokens>;
    const int group = static_cast<int>(threadIdx.x) / kGroup - 1;
    const bool is_leader = threadIdx.x % 32 == 0;
    auto* epilogue = memory + S::kStages * S::kStageBytes + group * S::kEpilogueBytes;
    const auto sync = [&] { bar_sync(1 + group, kGroup); };
    constexpr int kCols = Gated ? kHalf : 2 * kHalf;
    Ring<S::kStages> ring;
    for (int index = static_cast<int>(blockIdx.x); tiles.find(index);
         index += static_cast<int>(gridDim.x)) {
        float first[Tokens / 2] = {};
        float second[Tokens / 2] = {};
        int running = -1;  // the stage that products may still read
        for (int depth = 0; depth < p.depth; depth += kDepth, ring.advance()) {
            full[ring.stage].wait(ring.parity);
            const auto* stage = memory + ring.stage * S::kStageBytes;
            const auto a = hopper::smem_descriptor(stage + group * kPart * kRowBytes);
            const auto a2 = hopper::smem_descriptor(stage + (kHalf + group * kPart) * kRowBytes);
            const auto b = hopper::smem_descriptor(stage + S::kWeightBytes);
            hopper::fence_accumulators(first);
            hopper::fence_accumulators(second);
            hopper::wgmma_fence();
#pragma unroll
            for (int k = 0; k < kDepth; k += kProductDepth) {
                constexpr int kBytes = 2;  // of an element
                Wgmma::mma(first, hopper::advanced(a, k * kBytes), hopper::advanced(b, k * kBytes));
                Wgmma::mma(second, hopper::advanced(a2, k * kBytes),
                           hopper::advanced(b, k * kBytes));
            }
            hopper::wgmma_commit_group();
            hopper::wgmma_wait_group<1>();
            if (running >= 0 && is_leader) empty[running].arrive();
            running = ring.stage;
        }
        hopper::wgmma_wait_group<0>();
        hopper::fence_accumulators(first);
        hopper::fence_accumulators(second);
        if (running >= 0 && is_leader) empty[running].arrive();

        const int rows = min(tiles.rows_left(), Tokens);
        const int col = tiles.col_tile() * kCols + group * kPart;
        if (Gated) {
#pragma unroll
            for (int i = 0; i < Tokens / 2; ++i) first[i] = fast_silu(first[i]) * second[i];
        }
        sync();  // the rows transposed before have been stored
        transpose_to_smem<T, Tokens>(first, epilogue);
        sync();
        store_epilogue<T>(p, epilogue, tiles.row(), rows, col);
        if (Gated) continue;
        sync();
        transpose_to_smem<T, Tokens>(second, epilogue);
        sync();
        store_epilogue<T>(p, epilogue, tiles.row(), rows, col + kHalf);
    }
}

template <class T, int Tokens, bool Gated>
__global__ void __launch_bounds__(kThreads, 1) multiply(const __grid_constant__ Problem p) {
    using S = Shape<Tokens>;
    extern __shared__ __align__(1024) std::byte memory[];
    auto* full = reinterpret_cast<hopper::Mbarrier*>(memory + S::kMbarriersAt);
    auto* empty = full + S::kStages;
    auto* offsets = reinterpret_cast<std::int32_t*>(memory + S::kOffsetsAt);
    for (int i = static_cast<int>(threadIdx.x); i <= p.experts; i += kThreads) {
        offsets[i] = p.offsets[i];
    }
    if (threadIdx.x == 0) {
        for (int s = 0; s < S::kStages; ++s) {
            full[s].init(1);
            empty[s].init(kMultiplying * kGroup / 32);  // each warp has read when it says so
        }
        hopper::fence_mbarrier_init();
    }
    __syncthreads();
    const Tiles tiles(offsets, p.experts, Tokens, p.col_tiles);
    // 65536 registers over three warpgroups: the products' sums need most of them.
    if (threadIdx.x < kGroup) {
        hopper::setmaxnreg_dec<40>();
        if (threadIdx.x == 0) load_tiles<Tokens, Gated>(p, memory, full, empty, tiles);
    } else {
        hopper::setmaxnreg_inc<232>();
        multiply_tiles<T, Tokens, Gated>(p, memory, full, empty, tiles);
    }
}

template <class T, int Tokens, bool Gated>
void launch(const GroupedGemm& gemm, cudaStream_t stream) {
    using S = Shape<Tokens>;
    const Matrix weights{const_cast<std::byte*>(gemm.weights), gemm.experts * gemm.weight_rows(),
                         gemm.in.cols, gemm.in.dtype};
    constexpr int kCols = Gated ? kHalf : 2 * kHalf;
    const Problem problem{make_tensor_map(weights, kHalf, kDepth),
                          make_tensor_map(gemm.in, Tokens, kDepth),
                          gemm.out.data,
                          gemm.offsets,
                          static_cast<int>(gemm.experts),
                          static_cast<int>(gemm.in.cols),
                          static_cast<int>(gemm.out.cols),
                          static_cast<int>(ceil_div(gemm.out.cols, kCols))};
    const int bytes = S::kOffsetsAt + static_cast<int>((gemm.experts + 1) * sizeof(std::int32_t));
    auto* kernel = multiply<T, Tokens, Gated>;
    MOE_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
    kernel<<<static_cast<unsigned>(sms_of(gemm)), kThreads, static_cast<std::size_t>(bytes),
             stream>>>(problem);
    MOE_CUDA(cudaGetLastError());
}

/// visit(rows of a tile): the narrowest tile that holds most experts' rows, since routing is never
/// quite even.
template <class Visit>
auto visit_tile(const GroupedGemm& gemm, Visit&& visit) {
    const auto rows = gemm.expected_rows + gemm.expected_rows / 2;
    if (rows <= 16) return visit(std::integral_constant<int, 16>{});
    if (rows <= 32) return visit(std::integral_constant<int, 32>{});
    if (rows <= 64) return visit(std::integral_constant<int, 64>{});
    return visit(std::integral_constant<int, 128>{});
}

bool can_launch(const GroupedGemm& gemm) {
    if (!suits_tensor_cores(gemm) || capability().major != kHopper) return false;
    return visit_tile(gemm, [&](auto tokens) {
        return gemm.experts < Shape<decltype(tokens)::value>::kMaxOffsets;
    });
}

template <class T>
void launch_for(const GroupedGemm& gemm, cudaStream_t stream) {
    visit_tile(gemm, [&](auto tokens) {
        constexpr int kTokens = decltype(tokens)::value;
        if (gemm.gated) {
            launch<T, kTokens, true>(gemm, stream);
        } else {
            launch<T, kTokens, false>(gemm, stream);
        }
    });
}

void launch_for_type(const GroupedGemm& gemm, cudaStream_t stream) {
    if (gemm.in.dtype == DType::bf16) {
        launch_for<__nv_bfloat16>(gemm, stream);
    } else {
        launch_for<__half>(gemm, stream);
    }
}

}  // namespace

const GroupedGemmKernel kGroupedGemmSm90{
    .name = "grouped_gemm_sm90", .tuned = true, .can = can_launch, .launch = launch_for_type};

}  // namespace moe::cuda
