// Permutes rows by expert. Each row is read once and written once for each of its local experts, so
// memory bandwidth is the floor of the last launch; those before it touch a few bytes for each row.
#include "kernels/cuda/permute.cuh"

#include <cub/block/block_scan.cuh>

#include <algorithm>

namespace moe::cuda {
namespace {

constexpr int kMaxChunks = 128;
constexpr std::int64_t kMinChunkRows = 128;
constexpr int kCountWarps = 16;
constexpr int kScanThreads = 1024;
constexpr int kScanItems = 8;  ///< of a thread
constexpr int kScanTile = kScanThreads * kScanItems;
constexpr int kPermuteThreads = 128;

/// How rows are counted: a block for each chunk of rows, and a warp for each part of a chunk.
struct ChunkParams {
    int chunks{};
    int warps{};  ///< of a chunk
    int rows_per_warp{};
    std::int32_t* rank{};   ///< [rows, top_k]: choices of the same expert before one, in its chunk
    std::int32_t* entry{};  ///< [rows]: entries of the CSR matrix before a row, in its chunk
    /// [local experts + 1, chunks]: choices of each expert in each chunk, and last entries of the
    /// CSR matrix; then its exclusive scan. A choice goes to row counts[expert, chunk] + rank.
    std::int32_t* counts{};
};

/// By a block for each chunk, whose warps take their parts of it in the order of the rows, a lane
/// for each choice.
__global__ void __launch_bounds__(kWarp* kCountWarps)
    count_kernel(const __grid_constant__ PermuteParams params, ChunkParams chunk) {
    trigger_launch_completion();
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    const int columns = params.experts + 1;
    const int top_k = params.top_k;
    const auto* chosen = params.routing.expert;
    const int first_row = (static_cast<int>(blockIdx.x) * chunk.warps + warp) * chunk.rows_per_warp;
    const int first = min(first_row, params.rows) * top_k;
    const int end = min(first_row + chunk.rows_per_warp, params.rows) * top_k;
    const auto has_shared = [&](int i, std::int32_t expert) {
        return params.shared && i < end && i % top_k == 0 && expert >= 0;
    };

    // What each warp has of each column.
    auto* counts = dynamic_smem<std::int32_t>();  // [warps, columns]
    auto* own = counts + warp * columns;
    for (int c = lane; c < columns; c += kWarp) own[c] = 0;
    __syncwarp();
    int entries = 0;
    for (int i = first + lane; i < end; i += kWarp) {
        const auto expert = chosen[i];
        const bool local = params.is_local(expert);
        if (local) atomicAdd(own + (expert - params.first_expert), 1);
        entries += (local ? 1 : 0) + (has_shared(i, expert) ? 1 : 0);
    }
    entries = warp_sum(entries);
    if (lane == 0) own[params.experts] = entries;
    __syncthreads();

    // What the warps before it have, and the chunk as a whole.
    for (int c = static_cast<int>(threadIdx.x); c < columns; c += static_cast<int>(blockDim.x)) {
        std::int32_t before = 0;
        for (int w = 0; w < chunk.warps; ++w) {
            auto& of_warp = counts[w * columns + c];
            const auto count = of_warp;
            of_warp = before;
            before += count;
        }
        chunk.counts[c * chunk.chunks + static_cast<int>(blockIdx.x)] = before;
    }
    __syncthreads();

    // Each choice's rank; lanes with the same expert find each other.
    int entry = own[params.experts];
    for (int i = first + lane; i - lane < end; i += kWarp) {
        const auto expert = i < end ? chosen[i] : -1;
        const bool local = params.is_local(expert);
        const auto locals = __ballot_sync(kAllLanes, local);
        const auto shared_rows = __ballot_sync(kAllLanes, has_shared(i, expert));
        if (i < end && i % top_k == 0) {
            chunk.entry[i / top_k] =
                entry + __popc(locals & lower_lanes()) + __popc(shared_rows & lower_lanes());
        }
        entry += __popc(locals) + __popc(shared_rows);
        const auto alike = __match_any_sync(kAllLanes, local ? expert : -1);
        auto* next = own + (local ? expert - params.first_expert : 0);
        const int before = *next;
        if (local) chunk.rank[i] = before + __popc(alike & lower_lanes());
        __syncwarp();
        if (local && (alike & lower_lanes()) == 0) *next = before + __popc(alike);
        __syncwarp();
    }
}

/// Scans all counts as one array, by one block: a tile for each round. Writes the totals.
__global__ void __launch_bounds__(kScanThreads)
    scan_kernel(const __grid_constant__ PermuteParams params, ChunkParams chunk) {
    using Scan = cub::BlockScan<int, kScanThreads>;
    using Items = Vector<int, kScanItems>;
    __shared__ typename Scan::TempStorage storage;
    trigger_launch_completion();
    grid_dependency_synchronize();
    const int thread = static_cast<int>(threadIdx.x);
    const int end = (params.experts + 1) * chunk.chunks;
    int before = 0;
    for (int first = thread * kScanItems; first - thread * kScanItems < end; first += kScanTile) {
        auto& place = reinterpret_cast<Items&>(chunk.counts[first]);
        auto items = place;
#pragma unroll
        for (int j = 0; j < kScanItems; ++j) items.at[j] = first + j < end ? items.at[j] : 0;
        int total = 0;
        Scan(storage).ExclusiveSum(items.at, items.at, total);
#pragma unroll
        for (auto& item : items.at) item += before;
        place = items;
        before += total;
        __syncthreads();  // the storage is used again
    }
    for (int e = thread; e <= params.experts; e += kScanThreads) {
        params.expert_offsets[e] = chunk.counts[e * chunk.chunks];
    }
    if (thread == 0) {
        params.combine.offsets[params.rows] = before - chunk.counts[params.experts * chunk.chunks];
    }
}

/// Whether a row has a copy here: every warp asks for itself.
__device__ bool has_local(const PermuteParams& params, int row) {
    bool found = false;
    for (int k = static_cast<int>(threadIdx.x) % kWarp; k < params.top_k; k += kWarp) {
        found = found || params.is_local(params.routing.expert[row * params.top_k + k]);
    }
    return __any_sync(kAllLanes, found);
}

/// A block for each row. `vectors`: of a row.
template <class T, int Width>
__global__ void __launch_bounds__(kPermuteThreads)
    permute_kernel(const __grid_constant__ PermuteParams params, ChunkParams chunk, const T* x,
                   T* permuted, std::int64_t vectors) {
    using V = Vector<T, Width>;
    const int row = static_cast<int>(blockIdx.x);
    HeldRow<kPermuteThreads, V> held(reinterpret_cast<const V*>(x) + row * vectors, vectors);
    if (has_local(params, row)) held.load();
    auto* slots = dynamic_smem<std::int32_t>();  // [top_k]
    __shared__ int copies;
    if (threadIdx.x < kWarp) {
        grid_dependency_synchronize();
        const auto* counts = chunk.counts + row / (chunk.warps * chunk.rows_per_warp);
        const auto* all_copies = chunk.counts + params.experts * chunk.chunks;
        const auto entry = counts[params.experts * chunk.chunks] - *all_copies + chunk.entry[row];
        const int found = write_entries(params, row, entry, slots, [&](int k, std::int32_t e) {
            return counts[e * chunk.chunks] + chunk.rank[row * params.top_k + k];
        });
        if (threadIdx.x == 0) copies = found;
    }
    __syncthreads();
    held.store(reinterpret_cast<V*>(permuted), slots, copies);
}

std::size_t words(std::int64_t count) {
    return static_cast<std::size_t>(count) * sizeof(std::int32_t);
}
/// Scanned in whole tiles.
std::int64_t count_words(std::int64_t local_experts) {
    return ceil_div((local_experts + 1) * kMaxChunks, kScanTile) * kScanTile;
}

/// Each warp has a count of each column in shared memory, so that fewer fit where there are many.
ChunkParams cut(std::int64_t rows, std::int64_t columns) {
    const auto warps = static_cast<int>(
        std::clamp<std::size_t>(kDefaultDynamicSmem / words(columns), 1, kCountWarps));
    const auto rows_per_warp = ceil_div(std::max(ceil_div(rows, kMaxChunks), kMinChunkRows), warps);
    const auto chunks = std::max<std::int64_t>(ceil_div(rows, warps * rows_per_warp), 1);
    return {.chunks = static_cast<int>(chunks),
            .warps = warps,
            .rows_per_warp = static_cast<int>(rows_per_warp)};
}

}  // namespace

Permute::Permute(Device& device, const LayerDims& dims)
    : top_k_(dims.top_k),
      rank_(device.allocate(words(dims.rows * dims.top_k))),
      entry_(device.allocate(words(dims.rows))),
      counts_(device.allocate(words(count_words(dims.local_experts)))) {}

std::size_t Permute::bytes(const LayerDims& dims) {
    return words(dims.rows * (dims.top_k + 1) + count_words(dims.local_experts));
}

void Permute::launch(const Matrix& x, const Routing& routing, const float* shared_weight,
                     const LayerKernels::Permutation& permutation, cudaStream_t stream) {
    const auto& permuted = permutation.permuted;
    MOE_EXPECT(x.cols == permuted.cols && x.dtype == permuted.dtype,
               "experts compute in the type that rows travel as");
    const PermuteParams params{static_cast<int>(x.rows),
                               top_k_,
                               static_cast<std::int32_t>(permutation.local.first),
                               static_cast<std::int32_t>(permutation.local.size()),
                               permutation.shared,
                               routing,
                               shared_weight,
                               permutation.expert_offsets,
                               permutation.combine};
    if (can_permute_small(params)) return launch_permute_small(params, x, permuted, stream);
    auto chunk = cut(x.rows, permutation.local.size() + 1);
    chunk.rank = rank_.as<std::int32_t>();
    chunk.entry = entry_.as<std::int32_t>();
    chunk.counts = counts_.as<std::int32_t>();
    auto count = in_blocks(chunk.chunks, chunk.warps * kWarp, stream);
    count.smem_bytes = words(chunk.warps * (permutation.local.size() + 1));
    cuda::launch(count, count_kernel, params, chunk);
    auto scan = in_blocks(1, kScanThreads, stream);
    scan.overlaps = true;
    cuda::launch(scan, scan_kernel, params, chunk);
    if (x.rows == 0) return;
    auto permute = in_blocks(x.rows, kPermuteThreads, stream);
    permute.overlaps = true;
    permute.smem_bytes = words(top_k_);
    visit_native(x.dtype, rows_are_wide(x.row_bytes(), {x.data, permuted.data}),
                 [&](auto tag, auto lanes) {
                     using T = typename decltype(tag)::type;
                     constexpr int kLanes = decltype(lanes)::value;
                     cuda::launch(permute, permute_kernel<T, kLanes>, params, chunk, x.as<T>(),
                                  permuted.as<T>(), x.cols / kLanes);
                 });
}

}  // namespace moe::cuda
