// Packs rows by expert. Each row is read once and written once for each of its local experts, so
// memory bandwidth is the floor of the last launch; the first two touch a few bytes for each row.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/permute.hpp"
#include "kernels/cuda/vector.cuh"

#include <algorithm>

namespace moe::cuda {
namespace {

/// Rows of a chunk: as many as one block counts without waiting for others.
constexpr int kChunk = 32;
constexpr int kCountThreads = 256;
constexpr int kScanThreads = 1024;
constexpr int kPackThreads = 128;
constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffU;
/// Sixteen-byte pieces of a row that one thread holds while it writes them to each expert.
constexpr int kHeld = 4;

struct Plan {
    std::int64_t rows;
    int top_k;
    std::int32_t first;  ///< local experts are [first, first + experts)
    std::int32_t experts;
    bool shared;
    std::int32_t* rank;
    std::int32_t* entry;
    std::int32_t* counts;
    std::int32_t* total;
    unsigned* finished;
};

__device__ bool is_local(std::int32_t expert, const Plan& plan) {
    return expert >= plan.first && expert < plan.first + plan.experts;
}

__device__ std::int32_t warp_inclusive_sum(std::int32_t value) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
    for (int step = 1; step < kWarp; step *= 2) {
        const auto left = __shfl_up_sync(kAllLanes, value, step);
        if (lane >= step) value += left;
    }
    return value;
}

/// A block for each chunk; its choices lie in shared memory, where every expert's thread walks
/// through them in the order of the rows, four at a time.
__global__ void __launch_bounds__(kCountThreads)
    count(Plan plan, std::int64_t chunks, const std::int32_t* chosen) {
    extern __shared__ int4 fours[];
    auto* choice = reinterpret_cast<std::int32_t*>(fours);
    const auto first_row = blockIdx.x * std::int64_t{kChunk};
    const int rows = static_cast<int>(min(std::int64_t{kChunk}, plan.rows - first_row));
    const int choices = rows * plan.top_k;
    const int padded = (choices + 3) / 4 * 4;
    const auto base = first_row * plan.top_k;
    for (int i = static_cast<int>(threadIdx.x); i < padded; i += kCountThreads) {
        choice[i] = i < choices ? chosen[base + i] : -1;
    }
    __syncthreads();
    for (int e = static_cast<int>(threadIdx.x); e < plan.experts; e += kCountThreads) {
        const auto mine = plan.first + e;
        std::int32_t found = 0;
        for (int i = 0; i < padded; i += 4) {
            const int4 four = fours[i / 4];
            if (four.x == mine) plan.rank[base + i] = found++;
            if (four.y == mine) plan.rank[base + i + 1] = found++;
            if (four.z == mine) plan.rank[base + i + 2] = found++;
            if (four.w == mine) plan.rank[base + i + 3] = found++;
        }
        plan.counts[e * chunks + blockIdx.x] = found;
    }
    // kChunk is a warp's width: a lane for each row.
    if (threadIdx.x >= kWarp) return;
    std::int32_t entries = 0;
    const int row = static_cast<int>(threadIdx.x);
    if (row < rows) {
        const auto* of_row = choice + row * plan.top_k;
        if (plan.shared && of_row[0] >= 0) entries = 1;
        for (int k = 0; k < plan.top_k; ++k) entries += is_local(of_row[k], plan) ? 1 : 0;
    }
    const auto sum = warp_inclusive_sum(entries);
    if (row < rows) plan.entry[first_row + row] = sum - entries;
    if (row == kWarp - 1) plan.total[blockIdx.x] = sum;
}

/// values[0 .. count) become the sums of those before, by one warp; the sum of all.
__device__ std::int32_t warp_exclusive_sums(std::int32_t* values, std::int64_t count) {
    constexpr int kAhead = 4;  // loads in flight: each takes far longer than the additions
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    std::int32_t start = 0;
    for (std::int64_t first = lane; first - lane < count; first += kAhead * kWarp) {
        std::int32_t value[kAhead];
#pragma unroll
        for (int j = 0; j < kAhead; ++j) {
            const auto i = first + j * kWarp;
            value[j] = i < count ? values[i] : 0;
        }
#pragma unroll
        for (int j = 0; j < kAhead; ++j) {
            const auto i = first + j * kWarp;
            const auto sum = warp_inclusive_sum(value[j]);
            if (i < count) values[i] = start + sum - value[j];
            start += __shfl_sync(kAllLanes, sum, kWarp - 1);
        }
    }
    return start;
}

/// values[0 .. count) become the sums of those before, by one block; the sum of all.
__device__ std::int32_t block_exclusive_sums(std::int32_t* values, std::int64_t count) {
    __shared__ std::int32_t of_warp[kWarp];
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    std::int32_t start = 0;
    for (std::int64_t first = 0; first < count; first += kScanThreads) {
        const auto i = first + threadIdx.x;
        const auto value = i < count ? values[i] : 0;
        const auto sum = warp_inclusive_sum(value);
        __syncthreads();  // whoever read the last round's sums is done
        if (lane == kWarp - 1) of_warp[warp] = sum;
        __syncthreads();
        std::int32_t before = 0;
        std::int32_t all = 0;
        for (int w = 0; w < kScanThreads / kWarp; ++w) {
            if (w < warp) before += of_warp[w];
            all += of_warp[w];
        }
        if (i < count) values[i] = start + before + sum - value;
        start += all;
    }
    return start;
}

/// A warp for each expert adds up what it has before each chunk; the last block to finish adds up
/// the experts, and the entries of the chunks.
__global__ void __launch_bounds__(kScanThreads)
    scan(Plan plan, std::int64_t chunks, std::int32_t* expert_offsets, std::int32_t* csr_end) {
    __shared__ bool last;
    const auto e =
        static_cast<std::int64_t>(blockIdx.x) * (kScanThreads / kWarp) + threadIdx.x / kWarp;
    if (e < plan.experts) {
        const auto rows = warp_exclusive_sums(plan.counts + e * chunks, chunks);
        if (threadIdx.x % kWarp == 0) expert_offsets[e] = rows;
    }
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) last = atomicAdd(plan.finished, 1U) + 1 == gridDim.x;
    __syncthreads();
    if (!last) return;
    __threadfence();
    const auto packed = block_exclusive_sums(expert_offsets, plan.experts);
    const auto entries = block_exclusive_sums(plan.total, chunks);
    if (threadIdx.x == 0) {
        expert_offsets[plan.experts] = packed;
        *csr_end = entries;
        *plan.finished = 0;  // for the next launch
    }
}

/// Whether any choice of a row is local; every warp asks for itself, and hears the same.
__device__ bool has_local(const Plan& plan, std::int64_t row, const Routing& routing) {
    bool found = false;
    for (int k = static_cast<int>(threadIdx.x) % kWarp; k < plan.top_k; k += kWarp) {
        found = found || is_local(routing.expert[row * plan.top_k + k], plan);
    }
    return __any_sync(kAllLanes, found);
}

/// One warp writes a row of the CSR matrix, a lane for each choice: where the row's copies go.
/// Returns how many there are.
__device__ int place_choices(const Plan& plan, std::int64_t chunks, std::int64_t row,
                             const Routing& routing, const float* shared_weight,
                             const std::int32_t* expert_offsets, const WeightedRows& combine,
                             std::int32_t* place) {
    const auto chunk = row / kChunk;
    const int lane = static_cast<int>(threadIdx.x);
    const auto* chosen = routing.expert + row * plan.top_k;
    auto entry = plan.total[chunk] + plan.entry[row];
    if (lane == 0) combine.offsets[row] = entry;
    if (plan.shared && chosen[0] >= 0) {
        if (lane == 0) {
            combine.indices[entry] = static_cast<std::int32_t>(row);
            combine.weights[entry] = shared_weight[row];
        }
        ++entry;
    }
    int found = 0;
    for (int first = 0; first < plan.top_k; first += kWarp) {
        const int k = first + lane;
        const auto expert = k < plan.top_k ? chosen[k] : -1;
        const bool local = is_local(expert, plan);
        const auto which = __ballot_sync(kAllLanes, local);
        if (local) {
            const auto e = expert - plan.first;
            const auto slot = expert_offsets[e] + plan.counts[e * chunks + chunk] +
                              plan.rank[row * plan.top_k + k];
            const int at = found + __popc(which & ((1U << lane) - 1U));
            combine.indices[entry + at] =
                static_cast<std::int32_t>(plan.shared ? plan.rows : 0) + slot;
            combine.weights[entry + at] = routing.weight[row * plan.top_k + k];
            place[at] = slot;
        }
        found += __popc(which);
    }
    return found;
}

/// A block for each row. `vectors`: of a row.
template <class T, int Width>
__global__ void __launch_bounds__(kPackThreads)
    pack(Plan plan, std::int64_t chunks, const T* x, T* packed, std::int64_t vectors,
         Routing routing, const float* shared_weight, const std::int32_t* expert_offsets,
         WeightedRows combine) {
    using V = Vector<T, Width>;
    extern __shared__ std::int32_t place[];  // the row of `packed` for each local choice
    __shared__ int local;
    const std::int64_t row = blockIdx.x;
    const auto* from = reinterpret_cast<const V*>(x) + row * vectors;
    V held[kHeld];
    const auto load = [&](std::int64_t first) {
#pragma unroll
        for (int i = 0; i < kHeld; ++i) {
            const auto col = first + i * kPackThreads;
            if (col < vectors) held[i] = from[col];
        }
    };
    // The row is on its way while one warp finds out where to: three loads that wait for each
    // other.
    if (has_local(plan, row, routing)) load(threadIdx.x);
    if (threadIdx.x < kWarp) {
        const auto found = place_choices(plan, chunks, row, routing, shared_weight, expert_offsets,
                                         combine, place);
        if (threadIdx.x == 0) local = found;
    }
    __syncthreads();
    if (local == 0) return;
    auto* to = reinterpret_cast<V*>(packed);
    for (std::int64_t first = threadIdx.x; first < vectors;) {
        for (int k = 0; k < local; ++k) {
            const auto start = place[k] * vectors;
#pragma unroll
            for (int i = 0; i < kHeld; ++i) {
                const auto col = first + i * kPackThreads;
                if (col < vectors) to[start + col] = held[i];
            }
        }
        first += kHeld * kPackThreads;
        load(first);
    }
}

std::size_t words(std::int64_t count) {
    return static_cast<std::size_t>(count) * sizeof(std::int32_t);
}

std::int64_t chunks_of(std::int64_t rows) {
    return ceil_div(rows, kChunk);
}

/// Shared memory of `pack`: the compiler reads places in fours, ahead of whether they are needed.
std::size_t pack_bytes(int top_k) {
    return words(ceil_div(top_k, 4) * 4 + 4);
}
/// Shared memory of `count`: a chunk's choices, in fours.
std::size_t count_bytes(int top_k) {
    static_assert(kChunk % 4 == 0);
    return words(std::int64_t{kChunk} * top_k);
}

}  // namespace

Permutation::Permutation(Device& device, std::int64_t rows, int top_k, std::int64_t experts)
    : top_k_(top_k),
      rank_(device.allocate(words(rows * top_k))),
      entry_(device.allocate(words(rows))),
      counts_(device.allocate(words(chunks_of(rows) * experts))),
      total_(device.allocate(words(chunks_of(rows)))),
      finished_(device.allocate(sizeof(unsigned))) {
    const unsigned none = 0;
    device.upload(reinterpret_cast<const std::byte*>(&none), finished_.data(), sizeof none);
    // More than every device gives unasked where a row has more than 384 choices.
    MOE_CUDA(cudaFuncSetAttribute(count, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  static_cast<int>(count_bytes(top_k))));
}

std::size_t Permutation::bytes(std::int64_t rows, int top_k, std::int64_t experts) {
    return words(rows * (top_k + 1) + chunks_of(rows) * (experts + 1) + 1);
}

void Permutation::launch(const Matrix& x, const Routing& routing, const float* shared_weight,
                         const LayerKernels::Packing& packing, cudaStream_t stream) {
    const auto& packed = packing.packed;
    MOE_EXPECT(x.cols == packed.cols && x.dtype == packed.dtype,
               "experts compute in the type that rows travel as");
    const Plan plan{x.rows,
                    top_k_,
                    static_cast<std::int32_t>(packing.local.first),
                    static_cast<std::int32_t>(packing.local.size()),
                    packing.shared,
                    rank_.as<std::int32_t>(),
                    entry_.as<std::int32_t>(),
                    counts_.as<std::int32_t>(),
                    total_.as<std::int32_t>(),
                    finished_.as<unsigned>()};
    const auto chunks = chunks_of(x.rows);
    if (chunks > 0) {
        count<<<static_cast<unsigned>(chunks), kCountThreads, count_bytes(top_k_), stream>>>(
            plan, chunks, routing.expert);
        MOE_CUDA(cudaGetLastError());
    }
    constexpr int kExpertsOfBlock = kScanThreads / kWarp;
    const auto blocks = std::max<std::int64_t>(ceil_div(plan.experts, kExpertsOfBlock), 1);
    scan<<<static_cast<unsigned>(blocks), kScanThreads, 0, stream>>>(
        plan, chunks, packing.expert_offsets, packing.combine.offsets + x.rows);
    MOE_CUDA(cudaGetLastError());
    if (x.elements() == 0) return;
    visit_native(
        x.dtype, rows_are_wide(x.row_bytes(), {x.data, packed.data}), [&](auto tag, auto lanes) {
            using T = typename decltype(tag)::type;
            constexpr int kLanes = decltype(lanes)::value;
            pack<T, kLanes>
                <<<static_cast<unsigned>(x.rows), kPackThreads, pack_bytes(top_k_), stream>>>(
                    plan, chunks, x.as<T>(), packed.as<T>(), x.cols / kLanes, routing,
                    shared_weight, packing.expert_offsets, packing.combine);
            MOE_CUDA(cudaGetLastError());
        });
}

}  // namespace moe::cuda
