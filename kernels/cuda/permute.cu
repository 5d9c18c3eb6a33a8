// Packs rows by expert. Each row is read once and written once for each of its local experts, so
// memory bandwidth is the floor of the last launch; those before it touch a few bytes for each row,
// and what they cost is the time that a launch takes.
//
// Memory that is read here and written there all the time keeps turning from one to the other: one
// read for ten writes, with nothing to compute and the rows in perfect order, gets 0.88 of a copy's
// bandwidth on an H200, though writes alone get 1.08. So reads come in bursts: some of the blocks
// bring rows that follow later into the cache, and all blocks find theirs there (0.95).
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/permute.hpp"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/vector.cuh"
#include "kernels/cuda/warp.cuh"

#include <algorithm>
#include <limits>

namespace moe::cuda {
namespace {

/// Rows are counted in chunks, a block for each. One chunk needs no second launch, which pays up to
/// so many rows; with as many as this a warp adds up what all of them have of one expert in two
/// steps.
constexpr std::int64_t kOneChunk = 256;
constexpr std::int64_t kMostChunks = 256;
constexpr std::int64_t kLeastRows = 128;
constexpr int kCountWarps = 16;
constexpr int kScanThreads = 1024;
/// Copies of a row on average from which on they are many.
constexpr int kManyCopies = 4;
/// Loads in flight where each takes far longer than what is done with its value.
constexpr int kAhead = 4;

/// Where rows have few copies here, blocks mostly wait for what they read, so that there have to be
/// many of them, and they look first whether there is any copy.
struct FewCopies {
    static constexpr bool kMany = false;
    static constexpr int kThreads = 128;
    static constexpr int kHeld = 4;  ///< pieces of a row in each thread while they are written
    /// What is read ahead at once, and rows of it that one block reads: about as much as blocks
    /// hold, or a row in two has. Half or twice as much is slower.
    static constexpr std::int64_t kSegmentBytes = std::int64_t{6} << 20U;
    static constexpr int kRowsAhead = 8;
};
/// Where rows have many, few rows under way are read ahead in better time.
template <int Threads>
struct ManyCopies {
    static constexpr bool kMany = true;
    static constexpr int kThreads = Threads;
    static constexpr int kHeld = 2;
    static constexpr std::int64_t kSegmentBytes = std::int64_t{4} << 20U;
    static constexpr int kRowsAhead = 4;
};

struct Plan {
    std::int64_t rows;
    int top_k;
    std::int32_t first;  ///< local experts are [first, first + experts)
    std::int32_t experts;
    bool shared;
    std::int64_t chunks;
    std::int64_t rows_of_chunk;
    std::int32_t* rank;
    std::int32_t* entry;
    std::int32_t* counts;
    unsigned* finished;
    std::int32_t* expert_offsets;
    std::int32_t* csr_end;
    unsigned one_by_top_k;  ///< times 2^32

    /// The i-th choice of a chunk: which choice of which of its rows. By a reciprocal, rounded down:
    /// a division takes as long as everything else that is done with a choice.
    struct OfRow {
        std::int32_t row, choice;
    };
    [[nodiscard]] __device__ OfRow of_row(std::int32_t i) const {
        auto row = static_cast<std::int32_t>(std::uint64_t{static_cast<unsigned>(i)} *
                                                 one_by_top_k >>
                                             32U);
        auto choice = i - row * top_k;
        if (choice >= top_k) {
            ++row;
            choice -= top_k;
        }
        return {row, choice};
    }
    /// What is counted: rows of each local expert, and entries of the CSR matrix.
    [[nodiscard]] __host__ __device__ int columns() const { return experts + 1; }
    __device__ void set_total(int column, std::int32_t total) const {
        (column < experts ? expert_offsets[column] : *csr_end) = total;
    }
};

__device__ bool is_local(std::int32_t expert, const Plan& plan) {
    return expert >= plan.first && expert < plan.first + plan.experts;
}

/// Entries of the CSR matrix that a warp's choices make: lanes with one of their own, and lanes with
/// one for the shared expert of the row that starts there.
struct Entries {
    unsigned own, shared;
    [[nodiscard]] __device__ int count(unsigned lanes) const {
        return __popc(own & lanes) + __popc(shared & lanes);
    }
};

/// values[0 .. count) become the sums of those before, by one warp; the sum of all.
__device__ std::int32_t warp_exclusive_sums(std::int32_t* values, std::int64_t count) {
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
            const auto sum = inclusive_sum(value[j]);
            if (i < count) values[i] = start + sum - value[j];
            start += __shfl_sync(kAllLanes, sum, kWarp - 1);
        }
    }
    return start;
}

/// expert_offsets: from rows of each expert to those before it, and of all; by one block.
__device__ void add_up_experts(const Plan& plan) {
    __shared__ std::int32_t of_warp[kWarp];
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    const int warps = static_cast<int>(blockDim.x) / kWarp;
    std::int32_t start = 0;
    for (int first = 0; first < plan.experts; first += static_cast<int>(blockDim.x)) {
        const auto e = first + static_cast<int>(threadIdx.x);
        const auto rows = e < plan.experts ? plan.expert_offsets[e] : 0;
        const auto sum = inclusive_sum(rows);
        __syncthreads();  // whoever read the last round's sums is done
        if (lane == kWarp - 1) of_warp[warp] = sum;
        __syncthreads();
        std::int32_t before = 0;
        std::int32_t all = 0;
        for (int w = 0; w < warps; ++w) {
            if (w < warp) before += of_warp[w];
            all += of_warp[w];
        }
        if (e < plan.experts) plan.expert_offsets[e] = start + before + sum - rows;
        start += all;
    }
    if (threadIdx.x == 0) plan.expert_offsets[plan.experts] = start;
}

/// A block for each chunk. Every warp takes its share of the choices, a lane for each, in the order
/// of the rows: once to count them, and once more, knowing what the warps before have, to number
/// them, where the lanes with the same expert find each other.
__global__ void __launch_bounds__(kWarp* kCountWarps) count(Plan plan, const std::int32_t* chosen) {
    auto* seen = launched_shared<std::int32_t>();  // [warps, columns]
    let_later_start();
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    const int warps = static_cast<int>(blockDim.x) / kWarp;
    const int columns = plan.columns();
    for (int i = static_cast<int>(threadIdx.x); i < warps * columns;
         i += static_cast<int>(blockDim.x)) {
        seen[i] = 0;
    }
    __syncthreads();
    const auto first_row = blockIdx.x * plan.rows_of_chunk;
    const auto rows = min(plan.rows_of_chunk, plan.rows - first_row);
    const auto choices = static_cast<int>(rows * plan.top_k);
    const int share = (choices + warps - 1) / warps;
    const int begin = warp * share;
    const int end = min(begin + share, choices);
    const unsigned lower = (1U << lane) - 1U;
    const auto* expert_of = chosen + first_row * plan.top_k;
    auto* rank_of = plan.rank + first_row * plan.top_k;
    auto* mine = seen + warp * columns;
    // see(i, its expert) for each choice, by all lanes of a warp at once; -1 behind the last.
    const auto for_each = [&](auto see) {
        for (int base = begin + lane; base - lane < end; base += kAhead * kWarp) {
            std::int32_t expert[kAhead];
#pragma unroll
            for (int j = 0; j < kAhead; ++j) {
                const int i = base + j * kWarp;
                expert[j] = i < end ? expert_of[i] : -1;
            }
#pragma unroll
            for (int j = 0; j < kAhead; ++j) see(base + j * kWarp, expert[j]);
        }
    };
    const auto entries_at = [&](int i, std::int32_t expert) {
        const bool starts_row = plan.shared && expert >= 0 && plan.of_row(i).choice == 0;
        return Entries{__ballot_sync(kAllLanes, is_local(expert, plan)),
                       __ballot_sync(kAllLanes, starts_row)};
    };

    int entries = 0;
    for_each([&](int i, std::int32_t expert) {
        entries += entries_at(i, expert).count(kAllLanes);
        if (is_local(expert, plan)) atomicAdd(mine + (expert - plan.first), 1);
    });
    if (lane == 0) mine[plan.experts] = entries;
    __syncthreads();
    for (int c = static_cast<int>(threadIdx.x); c < columns; c += static_cast<int>(blockDim.x)) {
        std::int32_t total = 0;
        for (int w = 0; w < warps; ++w) {
            const auto of_warp = seen[w * columns + c];
            seen[w * columns + c] = total;
            total += of_warp;
        }
        plan.counts[c * plan.chunks + blockIdx.x] = plan.chunks > 1 ? total : 0;
        if (plan.chunks == 1) plan.set_total(c, total);
    }
    __syncthreads();
    entries = mine[plan.experts];
    for_each([&](int i, std::int32_t expert) {
        const auto here = entries_at(i, expert);
        const auto [row, choice] = plan.of_row(i);
        if (i < end && choice == 0) plan.entry[first_row + row] = entries + here.count(lower);
        entries += here.count(kAllLanes);
        const bool local = is_local(expert, plan);
        const int e = expert - plan.first;
        const auto alike = __match_any_sync(kAllLanes, local ? e : -1);
        const int before = local ? mine[e] : 0;
        if (local) rank_of[i] = before + __popc(alike & lower);
        __syncwarp();
        if (local && (alike & lower) == 0) mine[e] = before + __popc(alike);
        __syncwarp();
    });
    if (plan.chunks == 1) add_up_experts(plan);
}

/// A warp for each column adds up what is before each chunk; the last block to finish adds up the
/// experts.
__global__ void __launch_bounds__(kScanThreads) scan(Plan plan) {
    __shared__ bool last;
    let_later_start();
    wait_for_earlier();
    const auto column = static_cast<int>(blockIdx.x * (kScanThreads / kWarp) + threadIdx.x / kWarp);
    if (column < plan.columns()) {
        const auto total = warp_exclusive_sums(plan.counts + column * plan.chunks, plan.chunks);
        if (threadIdx.x % kWarp == 0) plan.set_total(column, total);
    }
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) last = atomicAdd(plan.finished, 1U) + 1 == gridDim.x;
    __syncthreads();
    if (!last) return;
    __threadfence();
    add_up_experts(plan);
    if (threadIdx.x == 0) *plan.finished = 0;  // for the next launch
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
__device__ int place_choices(const Plan& plan, std::int64_t row, const Routing& routing,
                             const float* shared_weight, const WeightedRows& combine,
                             std::int32_t* place) {
    const auto chunk = row / plan.rows_of_chunk;
    const int lane = static_cast<int>(threadIdx.x);
    const auto* chosen = routing.expert + row * plan.top_k;
    auto entry = plan.counts[plan.experts * plan.chunks + chunk] + plan.entry[row];
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
            const auto slot = plan.expert_offsets[e] + plan.counts[e * plan.chunks + chunk] +
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

/// The first blocks of a segment, of so many rows, read the next one ahead: by the lanes of one warp,
/// a row of kRowsAhead for each.
template <class Shape, class V>
__device__ void read_next_segment(const Plan& plan, unsigned segment, std::int64_t row, const V* x,
                                  std::int64_t vectors, const Routing& routing) {
    constexpr int kRowsAhead = Shape::kRowsAhead;
    const auto at = static_cast<std::int64_t>(static_cast<unsigned>(row) % segment);
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    if (at * kRowsAhead >= segment || lane >= kRowsAhead) return;
    const auto ahead = row - at + segment + at * kRowsAhead + lane;
    if (ahead >= plan.rows) return;
    bool found = Shape::kMany;
    for (int k = 0; k < plan.top_k && !found; ++k) {
        found = is_local(routing.expert[ahead * plan.top_k + k], plan);
    }
    if (found) read_ahead(x + ahead * vectors, static_cast<std::uint32_t>(vectors * sizeof(V)));
}

/// A block for each row. `vectors`: of a row. `segment`: rows that are read ahead together.
template <class T, int Width, class Shape>
__global__ void __launch_bounds__(Shape::kThreads)
    pack(Plan plan, unsigned segment, const T* x, T* packed, std::int64_t vectors, Routing routing,
         const float* shared_weight, WeightedRows combine) {
    using V = Vector<T, Width>;
    constexpr int kThreads = Shape::kThreads;
    constexpr int kHeld = Shape::kHeld;
    auto* place = launched_shared<std::int32_t>();  // the row of `packed` for each local choice
    __shared__ int local;
    const std::int64_t row = blockIdx.x;
    const auto* all = reinterpret_cast<const V*>(x);
    const auto* from = all + row * vectors;
    V held[kHeld];
    const auto load = [&](std::int64_t first) {
#pragma unroll
        for (int i = 0; i < kHeld; ++i) {
            const auto col = first + i * kThreads;
            if (col < vectors) held[i] = Shape::kMany ? load_passing(from + col) : from[col];
        }
    };
    // The row is on its way while the earlier launches end, and the first warp finds out where to:
    // three loads that wait for each other. The last one cares for later rows.
    if (Shape::kMany || has_local(plan, row, routing)) load(threadIdx.x);
    if constexpr (sizeof(V) == kVectorBytes) {
        if (threadIdx.x >= kThreads - kWarp) {
            read_next_segment<Shape>(plan, segment, row, all, vectors, routing);
        }
    }
    wait_for_earlier();
    if (threadIdx.x < kWarp) {
        const auto found = place_choices(plan, row, routing, shared_weight, combine, place);
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
                const auto col = first + i * kThreads;
                if (col < vectors) store_passing(to + start + col, held[i]);
            }
        }
        first += kHeld * kThreads;
        load(first);
    }
}

std::size_t words(std::int64_t count) {
    return static_cast<std::size_t>(count) * sizeof(std::int32_t);
}

std::int64_t rows_of_chunk(std::int64_t rows) {
    return rows <= kOneChunk ? kOneChunk : std::max(ceil_div(rows, kMostChunks), kLeastRows);
}
std::int64_t chunks_of(std::int64_t rows) {
    return std::max<std::int64_t>(ceil_div(rows, rows_of_chunk(rows)), 1);
}
/// 2^32 / value, rounded down, and for 1 a little less.
unsigned reciprocal(int value) {
    constexpr auto kMost = std::numeric_limits<unsigned>::max();
    return value == 1 ? kMost : static_cast<unsigned>((std::uint64_t{kMost} + 1) / value);
}

/// Of rows that are read ahead together: whole shares of them for each block that does it.
template <class Shape>
unsigned rows_of_segment(std::size_t row_bytes) {
    constexpr auto kShare = std::int64_t{Shape::kRowsAhead};
    const auto bytes = static_cast<std::int64_t>(std::max<std::size_t>(row_bytes, 1));
    return static_cast<unsigned>(std::max(Shape::kSegmentBytes / bytes / kShare, std::int64_t{1}) *
                                 kShare);
}

/// For at most so many rows: fewer of them can have a chunk more.
std::size_t count_bytes(std::int64_t rows, std::int64_t experts) {
    const auto chunks = rows <= kOneChunk ? 1 : std::min(ceil_div(rows, kLeastRows), kMostChunks);
    return words(chunks * (experts + 1));
}

/// Shared memory of `pack`: the compiler reads places in fours, ahead of whether they are needed.
std::size_t pack_bytes(int top_k) {
    return words(ceil_div(top_k, 4) * 4 + 4);
}

/// Of `count`: every warp has a count of each column, so that fewer fit where there are many.
int count_warps(const Plan& plan) {
    const auto fit = kUnaskedShared / words(plan.columns());
    return static_cast<int>(std::clamp<std::size_t>(fit, 1, kCountWarps));
}

void launch_counting(const Plan& plan, const std::int32_t* chosen, cudaStream_t stream) {
    const int warps = count_warps(plan);
    const auto bytes = words(std::int64_t{warps} * plan.columns());
    launch({.blocks = dim3(static_cast<unsigned>(plan.chunks)),
            .threads = warps * kWarp,
            .stream = stream,
            .shared_bytes = bytes},
           count, plan, chosen);
    if (plan.chunks == 1) return;
    const auto blocks = ceil_div(plan.columns(), kScanThreads / kWarp);
    launch({.blocks = dim3(static_cast<unsigned>(blocks)),
            .threads = kScanThreads,
            .stream = stream,
            .overlaps = true},
           scan, plan);
}

void launch_pack(const Plan& plan, bool many_copies, const Matrix& x, const Routing& routing,
                 const float* shared_weight, const LayerKernels::Packing& packing,
                 cudaStream_t stream) {
    const auto& packed = packing.packed;
    visit_native(
        x.dtype, rows_are_wide(x.row_bytes(), {x.data, packed.data}), [&](auto tag, auto lanes) {
            using T = typename decltype(tag)::type;
            constexpr int kLanes = decltype(lanes)::value;
            const auto vectors = x.cols / kLanes;
            const auto launch_as = [&](auto shape) {
                using Shape = decltype(shape);
                launch({.blocks = dim3(static_cast<unsigned>(x.rows)),
                        .threads = Shape::kThreads,
                        .stream = stream,
                        .shared_bytes = pack_bytes(plan.top_k),
                        .overlaps = true},
                       pack<T, kLanes, Shape>, plan, rows_of_segment<Shape>(x.row_bytes()),
                       x.as<T>(), packed.as<T>(), vectors, routing, shared_weight, packing.combine);
            };
            if (!many_copies) {
                launch_as(FewCopies{});
            } else if (vectors <= 256) {
                launch_as(ManyCopies<256>{});
            } else {
                launch_as(ManyCopies<512>{});
            }
        });
}

}  // namespace

Permutation::Permutation(Device& device, const LayerDims& dims)
    : top_k_(dims.top_k),
      many_copies_(dims.top_k * dims.local_experts >= kManyCopies * dims.experts),
      rank_(device.allocate(words(dims.rows * dims.top_k))),
      entry_(device.allocate(words(dims.rows))),
      counts_(device.allocate(count_bytes(dims.rows, dims.local_experts))),
      finished_(device.allocate(sizeof(unsigned))) {
    const unsigned none = 0;
    device.upload(reinterpret_cast<const std::byte*>(&none), finished_.data(), sizeof none);
}

std::size_t Permutation::bytes(const LayerDims& dims) {
    return words(dims.rows * (dims.top_k + 1) + 1) + count_bytes(dims.rows, dims.local_experts);
}

void Permutation::launch(const Matrix& x, const Routing& routing, const float* shared_weight,
                         const LayerKernels::Packing& packing, cudaStream_t stream) {
    MOE_EXPECT(x.cols == packing.packed.cols && x.dtype == packing.packed.dtype,
               "experts compute in the type that rows travel as");
    const Plan plan{x.rows,
                    top_k_,
                    static_cast<std::int32_t>(packing.local.first),
                    static_cast<std::int32_t>(packing.local.size()),
                    packing.shared,
                    chunks_of(x.rows),
                    rows_of_chunk(x.rows),
                    rank_.as<std::int32_t>(),
                    entry_.as<std::int32_t>(),
                    counts_.as<std::int32_t>(),
                    finished_.as<unsigned>(),
                    packing.expert_offsets,
                    packing.combine.offsets + x.rows,
                    reciprocal(top_k_)};
    launch_counting(plan, routing.expert, stream);
    if (x.elements() == 0) return;
    launch_pack(plan, many_copies_, x, routing, shared_weight, packing, stream);
}

}  // namespace moe::cuda
