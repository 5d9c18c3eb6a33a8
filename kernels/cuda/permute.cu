// Packs rows by expert. Each row is read once and written once for each of its local experts, so
// memory bandwidth is the floor of the last launch; those before it touch a few bytes for each row,
// and what they cost is the time that a launch takes.
//
// Memory that is read here and written there all the time keeps turning from one to the other: one
// read for ten writes, with nothing to compute and the rows in perfect order, gets 0.88 of a copy's
// bandwidth on an H200, though writes alone get 1.08. So reads come in bursts: some of the blocks
// bring rows that follow later into the cache, which keeps them longer than what is written, and
// all blocks find theirs there (0.95).
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/permute.hpp"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/vector.cuh"
#include "kernels/cuda/warp.cuh"

#include <algorithm>
#include <optional>
#include <vector>

namespace moe::cuda {
namespace {

/// Up to so many rows a block for each finds out by itself where its copies go: it compares all
/// choices with its own, which takes less time than another launch.
constexpr std::int64_t kMostAlone = 256;
/// More of them are counted in chunks of at least kLeastRows, a block for each, and those in parts,
/// a warp for each. With as many chunks as this each lane of a warp adds up two vectors of what
/// they have of one expert.
constexpr int kMostChunks = 256;
constexpr std::int64_t kLeastRows = 128;
constexpr int kCountWarps = 16;
constexpr int kScanThreads = 1024;
/// Copies of a row on average from which on they are many.
constexpr int kManyCopies = 4;
/// Loads in flight where each takes far longer than what is done with its value.
constexpr int kAhead = 4;

/// Where rows have few copies here, blocks mostly wait, so that there have to be many small ones,
/// but no more than that takes: memory is the faster the fewer rows are under way. They look first
/// whether there is any copy.
struct FewCopies {
    static constexpr bool kMany = false;
    static constexpr bool kAlone = false;
    static constexpr int kThreads = 128;
    static constexpr int kBlocks = 8;  ///< of a multiprocessor at once
    static constexpr int kHeld = 4;    ///< pieces of a row in each thread while they are written
    /// What is read ahead at once, and rows of it that one block reads: about as much as blocks
    /// hold, or a row in two has. Half or twice as much is slower.
    static constexpr std::int64_t kSegmentBytes = std::int64_t{6} << 20U;
    static constexpr int kRowsAhead = 8;
};
/// Where rows have many, few rows under way are read ahead in better time.
template <int Threads>
struct ManyCopies {
    static constexpr bool kMany = true;
    static constexpr bool kAlone = false;
    static constexpr int kThreads = Threads;
    static constexpr int kBlocks = max_threads_per_sm() / Threads;
    static constexpr int kHeld = 2;
    static constexpr std::int64_t kSegmentBytes = std::int64_t{4} << 20U;
    static constexpr int kRowsAhead = 4;
};

/// Where rows are few, nothing is known of them yet, and many warps compare choices.
struct Alone {
    static constexpr bool kMany = true;
    static constexpr bool kAlone = true;
    static constexpr int kThreads = 512;
    static constexpr int kBlocks = 2;
    static constexpr int kHeld = 2;
    static constexpr std::int64_t kSegmentBytes = 0;  ///< nothing is read ahead
    static constexpr int kRowsAhead = 1;
};

/// What divides many times: by a reciprocal, rounded down, since a division takes as long as
/// everything else that is done with a choice.
class Divisor {
public:
    explicit Divisor(std::int64_t value)
        : value_(static_cast<unsigned>(value)),
          reciprocal_(static_cast<unsigned>((kOne - (value == 1 ? 1 : 0)) /
                                            static_cast<std::uint64_t>(value))) {}
    struct Result {
        unsigned quotient, rest;
    };
    [[nodiscard]] __device__ Result divide(std::int64_t dividend) const {
        const auto all = static_cast<unsigned>(dividend);
        auto quotient = static_cast<unsigned>(std::uint64_t{all} * reciprocal_ >> 32U);
        auto rest = all - quotient * value_;
        if (rest >= value_) {
            ++quotient;
            rest -= value_;
        }
        return {quotient, rest};
    }

private:
    static constexpr std::uint64_t kOne = std::uint64_t{1} << 32U;
    unsigned value_;
    unsigned reciprocal_;  ///< times 2^32
};

struct Plan {
    std::int64_t rows;
    int top_k;
    std::int32_t first;  ///< local experts are [first, first + experts)
    std::int32_t experts;
    bool shared;
    int chunks;
    int rows_of_part;
    Divisor by_top_k, by_chunk;
    std::int32_t* rank;
    std::int32_t* entry;
    std::int32_t* counts;
    std::int32_t* totals;
    std::int32_t* expert_offsets;
    std::int32_t* csr_end;

    /// What is counted: rows of each local expert, and entries of the CSR matrix.
    [[nodiscard]] __host__ __device__ int columns() const { return experts + 1; }
};

__device__ bool is_local(std::int32_t expert, const Plan& plan) {
    return static_cast<unsigned>(expert - plan.first) < static_cast<unsigned>(plan.experts);
}

/// expert_offsets from the rows of each expert, by one block. Returns how many all have.
template <class RowsOf>
__device__ std::int32_t add_up_experts(const Plan& plan, RowsOf rows_of) {
    __shared__ std::int32_t of_warp[kWarp];
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    const int warps = static_cast<int>(blockDim.x) / kWarp;
    std::int32_t start = 0;
    for (int first = 0; first < plan.experts; first += static_cast<int>(blockDim.x)) {
        const auto e = first + static_cast<int>(threadIdx.x);
        const auto rows = e < plan.experts ? rows_of(e) : 0;
        const auto sum = warp_inclusive_sum(rows);
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
    return start;
}

/// A block for each chunk and a warp for each part of it, which takes its choices in the order of
/// the rows, a lane for each, and numbers those of each expert, where lanes with the same one find
/// each other; then adds what the parts before have.
__global__ void __launch_bounds__(kWarp* kCountWarps, max_threads_per_sm() / (kWarp * kCountWarps))
    count(Plan plan, const std::int32_t* chosen) {
    auto* seen = dynamic_smem<std::int32_t>();  // [parts of the chunk, columns]
    let_later_start();
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    const int warps = static_cast<int>(blockDim.x) / kWarp;
    const int columns = plan.columns();
    auto* mine = seen + warp * columns;
    for (int c = lane; c < columns; c += kWarp) mine[c] = 0;
    __syncwarp();
    const auto first_row = (std::int64_t{blockIdx.x} * warps + warp) * plan.rows_of_part;
    const auto rows =
        max(min(std::int64_t{plan.rows_of_part}, plan.rows - first_row), std::int64_t{0});
    const auto choices = static_cast<int>(rows) * plan.top_k;
    const auto* expert_of = chosen + first_row * plan.top_k;
    auto* rank_of = plan.rank + first_row * plan.top_k;
    auto* entry_of = plan.entry + first_row;
    const unsigned lower = (1U << lane) - 1U;
    const auto top_k = static_cast<unsigned>(plan.top_k);
    const auto step = plan.by_top_k.divide(kWarp);
    // see(i, its expert, its row and choice) for each choice, by all lanes at once; behind the last
    // one the expert is -1.
    const auto for_each = [&](auto see) {
        auto at = plan.by_top_k.divide(lane);
        for (int base = lane; base - lane < choices; base += kAhead * kWarp) {
            std::int32_t expert[kAhead];
#pragma unroll
            for (int j = 0; j < kAhead; ++j) {
                const int i = base + j * kWarp;
                expert[j] = i < choices ? expert_of[i] : -1;
            }
#pragma unroll
            for (int j = 0; j < kAhead; ++j) {
                see(base + j * kWarp, expert[j], at);
                at.quotient += step.quotient;
                at.rest += step.rest;
                if (at.rest >= top_k) {
                    ++at.quotient;
                    at.rest -= top_k;
                }
            }
        }
    };

    int entries = 0;
    for_each([&](int i, std::int32_t expert, Divisor::Result at) {
        const bool local = is_local(expert, plan);
        const bool starts_row = i < choices && at.rest == 0;
        const auto own = __ballot_sync(kAllLanes, local);
        const auto shared = plan.shared ? __ballot_sync(kAllLanes, starts_row && expert >= 0) : 0;
        if (starts_row) {
            entry_of[at.quotient] = entries + __popc(own & lower) + __popc(shared & lower);
        }
        entries += __popc(own) + __popc(shared);
        const int e = expert - plan.first;
        const auto alike = __match_any_sync(kAllLanes, local ? e : -1);
        const int before = local ? mine[e] : 0;
        if (local) rank_of[i] = before + __popc(alike & lower);
        __syncwarp();
        if (local && (alike & lower) == 0) mine[e] = before + __popc(alike);
        __syncwarp();
    });
    if (lane == 0) mine[plan.experts] = entries;
    __syncthreads();
    for (int c = static_cast<int>(threadIdx.x); c < columns; c += static_cast<int>(blockDim.x)) {
        std::int32_t total = 0;
        for (int w = 0; w < warps; ++w) {
            const auto of_part = seen[w * columns + c];
            seen[w * columns + c] = total;
            total += of_part;
        }
        plan.counts[c * kMostChunks + blockIdx.x] = total;
        if (c < plan.experts) atomicAdd(plan.totals + c, total);
    }
    __syncthreads();
    for_each([&](int i, std::int32_t expert, Divisor::Result at) {
        if (is_local(expert, plan)) atomicAdd(rank_of + i, mine[expert - plan.first]);
        if (i < choices && at.rest == 0) atomicAdd(entry_of + at.quotient, mine[plan.experts]);
    });
}

/// A warp for each column adds up what is before each chunk, and the last block adds up the
/// experts.
__global__ void __launch_bounds__(kScanThreads) scan(Plan plan) {
    constexpr int kOfLane = kMostChunks / kWarp;
    let_later_start();
    wait_for_earlier();
    if (blockIdx.x + 1 == gridDim.x) {
        add_up_experts(plan, [&](int e) {
            const auto rows = plan.totals[e];
            plan.totals[e] = 0;  // for the next launch
            return rows;
        });
        return;
    }
    const auto column = static_cast<int>(blockIdx.x * (kScanThreads / kWarp) + threadIdx.x / kWarp);
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    if (column >= plan.columns()) return;
    auto* mine =
        reinterpret_cast<Vector<std::int32_t, kOfLane>*>(plan.counts + column * kMostChunks) + lane;
    auto counts = *mine;
    std::int32_t total = 0;
#pragma unroll
    for (int i = 0; i < kOfLane; ++i) {
        const auto rows = lane * kOfLane + i < plan.chunks ? counts.at[i] : 0;
        counts.at[i] = total;
        total += rows;
    }
    const auto sum = warp_inclusive_sum(total);
#pragma unroll
    for (int i = 0; i < kOfLane; ++i) counts.at[i] += sum - total;
    *mine = counts;
    if (column == plan.experts && lane == kWarp - 1) *plan.csr_end = sum;
}

/// Numbers in shared memory for the places of a row's copies: the compiler reads them in fours,
/// ahead of whether they are needed.
__host__ __device__ std::int64_t places(int top_k) {
    return (top_k + 3) / 4 * 4 + 4;
}

/// The choices of a row, a lane for each of the first kWarp, and whether one of all is local: every
/// warp asks for itself, and hears the same.
struct Choices {
    std::int32_t expert;
    bool any_local;

    __device__ Choices(const Plan& plan, std::int64_t row, const Routing& routing)
        : expert(-1), any_local(false) {
        const auto* chosen = routing.expert + row * plan.top_k;
        const int lane = static_cast<int>(threadIdx.x) % kWarp;
        if (lane < plan.top_k) expert = chosen[lane];
        any_local = is_local(expert, plan);
#pragma unroll 1
        for (int k = lane + kWarp; k < plan.top_k; k += kWarp) {
            any_local = any_local || is_local(chosen[k], plan);
        }
        any_local = __any_sync(kAllLanes, any_local);
    }
};

/// Where a row's copies and its entries of the CSR matrix go, from what was counted.
struct Counted {
    const Plan& plan;
    std::int64_t row;
    unsigned chunk;

    __device__ Counted(const Plan& of, std::int64_t which)
        : plan(of), row(which), chunk(of.by_chunk.divide(which).quotient) {}
    [[nodiscard]] __device__ std::int32_t entry() const {
        return plan.counts[plan.experts * kMostChunks + chunk] + plan.entry[row];
    }
    /// Of its k-th choice, the local expert e.
    [[nodiscard]] __device__ std::int32_t slot(int k, std::int32_t e) const {
        return plan.expert_offsets[e] + plan.counts[e * kMostChunks + chunk] +
               plan.rank[row * plan.top_k + k];
    }
};

/// The same from comparing a row's choices with all others, by its block: copies are in the order
/// of experts, and those of one expert in that of rows.
class Compared {
public:
    /// Of shared memory: a number for each choice of all, and for each of a row.
    [[nodiscard]] static __host__ __device__ std::int64_t numbers(const Plan& plan) {
        return plan.rows * plan.top_k + plan.top_k;
    }
    __device__ Compared(const Plan& plan, std::int64_t row, const Routing& routing,
                        std::int32_t* numbers)
        : slots_(numbers + plan.rows * plan.top_k) {
        __shared__ std::int32_t of_rows_before;
        const int warps = static_cast<int>(blockDim.x) / kWarp;
        const auto choices = static_cast<int>(plan.rows * plan.top_k);
        const auto mine = static_cast<int>(row * plan.top_k);
        const auto experts = static_cast<unsigned>(plan.experts);
        auto* local = reinterpret_cast<unsigned*>(numbers);  // others are no less than `experts`
        for (int i = static_cast<int>(threadIdx.x); i < choices;
             i += static_cast<int>(blockDim.x)) {
            local[i] = static_cast<unsigned>(routing.expert[i] - plan.first);
        }
        __syncthreads();
        const int lane = static_cast<int>(threadIdx.x) % kWarp;
        const auto count_less = [&](int begin, int end, unsigned bound) {
            int sum = 0;
            for (int i = begin + lane; i < end; i += kWarp) sum += local[i] < bound ? 1 : 0;
            return sum;
        };
        for (int k = static_cast<int>(threadIdx.x) / kWarp; k <= plan.top_k; k += warps) {
            int sum = 0;
            if (k == plan.top_k) {
                sum = count_less(0, mine, experts);
                for (int r = lane; plan.shared && r < row; r += kWarp) {
                    sum += routing.expert[r * plan.top_k] >= 0 ? 1 : 0;
                }
            } else if (const auto expert = local[mine + k]; expert < experts) {
                sum = count_less(0, mine, expert + 1) + count_less(mine, choices, expert);
            }
            sum = warp_sum(sum);
            if (lane == 0) (k == plan.top_k ? of_rows_before : slots_[k]) = sum;
        }
        __syncthreads();
        entry_ = of_rows_before;
    }
    [[nodiscard]] __device__ std::int32_t entry() const { return entry_; }
    [[nodiscard]] __device__ std::int32_t slot(int k, std::int32_t) const { return slots_[k]; }

private:
    std::int32_t* slots_;
    std::int32_t entry_;
};

/// What all rows have together, by one block. `seen`: shared memory, a number for each column.
__device__ void add_up_alone(const Plan& plan, const Routing& routing, std::int32_t* seen) {
    const auto threads = static_cast<int>(blockDim.x);
    for (int c = static_cast<int>(threadIdx.x); c < plan.columns(); c += threads) seen[c] = 0;
    __syncthreads();
    const auto choices = static_cast<int>(plan.rows * plan.top_k);
    for (int i = static_cast<int>(threadIdx.x); i < choices; i += threads) {
        const auto expert = routing.expert[i];
        if (is_local(expert, plan)) atomicAdd(seen + (expert - plan.first), 1);
        if (plan.shared && expert >= 0 && i % plan.top_k == 0) atomicAdd(seen + plan.experts, 1);
    }
    __syncthreads();
    const auto copies = add_up_experts(plan, [&](int e) { return seen[e]; });
    if (threadIdx.x == 0) *plan.csr_end = copies + seen[plan.experts];
}

/// One warp writes a row of the CSR matrix, a lane for each choice: where the row's copies go. All
/// that is read is asked for before anything is written, since nothing after that may overtake it.
/// Returns how many copies there are.
template <class Where>
__device__ int place_choices(const Plan& plan, std::int64_t row, const Choices& choices,
                             const Where& where, const Routing& routing, const float* shared_weight,
                             const WeightedRows& combine, std::int32_t* place) {
    const int lane = static_cast<int>(threadIdx.x);
    const auto entry_of_row = where.entry();
    const bool shared = plan.shared && __shfl_sync(kAllLanes, choices.expert, 0) >= 0;
    const float weight_of_shared = shared ? shared_weight[row] : 0;
    std::int32_t entry = 0;
    int found = 0;
#pragma unroll 1
    for (int first = 0; first < plan.top_k; first += kWarp) {
        const int k = first + lane;
        auto expert = choices.expert;
        if (first > 0) expert = k < plan.top_k ? routing.expert[row * plan.top_k + k] : -1;
        const bool local = is_local(expert, plan);
        std::int32_t slot = 0;
        float weight = 0;
        if (local) {
            slot = where.slot(k, expert - plan.first);
            weight = routing.weight[row * plan.top_k + k];
        }
        if (first == 0) {
            entry = entry_of_row;
            if (lane == 0) combine.offsets[row] = entry;
            if (shared) {
                if (lane == 0) {
                    combine.indices[entry] = static_cast<std::int32_t>(row);
                    combine.weights[entry] = weight_of_shared;
                }
                ++entry;
            }
        }
        const auto which = __ballot_sync(kAllLanes, local);
        if (local) {
            const int at = found + __popc(which & ((1U << lane) - 1U));
            place[at] = slot;
            combine.indices[entry + at] =
                static_cast<std::int32_t>(plan.shared ? plan.rows : 0) + slot;
            combine.weights[entry + at] = weight;
        }
        found += __popc(which);
    }
    return found;
}

/// The first blocks of a segment, of so many rows, read the next one ahead: one warp for kRowsAhead
/// rows, whose choices its lanes look at together.
template <class Shape, class V>
__device__ void read_next_segment(const Plan& plan, unsigned segment, std::int64_t row, const V* x,
                                  std::int64_t vectors, const Routing& routing) {
    constexpr int kRowsAhead = Shape::kRowsAhead;
    constexpr int kLanes = kWarp / kRowsAhead;  // of a row
    const auto at = static_cast<std::int64_t>(static_cast<unsigned>(row) % segment);
    if (at * kRowsAhead >= segment) return;
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const auto ahead = row - at + segment + at * kRowsAhead + lane / kLanes;
    const bool is_row = ahead < plan.rows;
    bool found = Shape::kMany && is_row;
    if (!Shape::kMany && is_row) {
        const auto* chosen = routing.expert + ahead * plan.top_k;
#pragma unroll 1
        for (int first = lane % kLanes; first < plan.top_k; first += kAhead * kLanes) {
            std::int32_t expert[kAhead];
#pragma unroll
            for (int j = 0; j < kAhead; ++j) {
                const int k = first + j * kLanes;
                expert[j] = k < plan.top_k ? chosen[k] : -1;
            }
#pragma unroll
            for (int j = 0; j < kAhead; ++j) found = found || is_local(expert[j], plan);
        }
    }
    constexpr unsigned kOfRow = (1U << kLanes) - 1U;
    const auto any = __ballot_sync(kAllLanes, found) >> (lane / kLanes * kLanes) & kOfRow;
    if (lane % kLanes == 0 && any != 0) {
        prefetch_l2(x + ahead * vectors, static_cast<std::uint32_t>(vectors * sizeof(V)));
    }
}

/// A block for each row, and one more where nothing was counted. `vectors`: of a row. `segment`:
/// rows that are read ahead together.
template <class T, int Width, class Shape>
__global__ void __launch_bounds__(Shape::kThreads, Shape::kBlocks)
    pack(Plan plan, unsigned segment, const T* x, T* packed, std::int64_t vectors, Routing routing,
         const float* shared_weight, WeightedRows combine) {
    using V = Vector<T, Width>;
    constexpr int kThreads = Shape::kThreads;
    constexpr int kHeld = Shape::kHeld;
    auto* place = dynamic_smem<std::int32_t>();  // the row of `packed` for each local choice
    __shared__ int local;
    const std::int64_t row = blockIdx.x;
    if constexpr (Shape::kAlone) {
        if (row == plan.rows) {
            add_up_alone(plan, routing, place);
            return;
        }
    }
    const auto* all = reinterpret_cast<const V*>(x);
    const auto* from = all + row * vectors;
    V held[kHeld];
    const auto load = [&](std::int64_t first) {
#pragma unroll
        for (int i = 0; i < kHeld; ++i) {
            const auto col = first + i * kThreads;
            if (col < vectors) held[i] = Shape::kMany ? load_streaming(from + col) : from[col];
        }
    };
    // The row is on its way while the earlier launches end, and the first warp finds out where to.
    // The last one cares for later rows.
    const Choices choices(plan, row, routing);
    if (Shape::kMany || choices.any_local) load(threadIdx.x);
    const auto place_by = [&](const auto& where) {
        if (threadIdx.x >= kWarp) return;
        const auto found =
            place_choices(plan, row, choices, where, routing, shared_weight, combine, place);
        if (threadIdx.x == 0) local = found;
    };
    if constexpr (Shape::kAlone) {
        place_by(Compared(plan, row, routing, place + places(plan.top_k)));
    } else {
        if constexpr (sizeof(V) == kVectorBytes) {
            if (threadIdx.x >= kThreads - kWarp) {
                read_next_segment<Shape>(plan, segment, row, all, vectors, routing);
            }
        }
        wait_for_earlier();
        place_by(Counted(plan, row));
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
                if (col < vectors) store_streaming(to + start + col, held[i]);
            }
        }
        first += kHeld * kThreads;
        load(first);
    }
}

std::size_t words(std::int64_t count) {
    return static_cast<std::size_t>(count) * sizeof(std::int32_t);
}

/// How rows are cut: `warps` parts make a chunk.
struct Cut {
    int warps;
    std::int64_t rows_of_part;
    std::int64_t chunks;
    [[nodiscard]] std::int64_t rows_of_chunk() const { return warps * rows_of_part; }
};
/// A warp has a count of each column in shared memory, so that fewer fit where there are many.
int warps_of_chunk(std::int64_t columns) {
    return static_cast<int>(
        std::clamp<std::size_t>(kDefaultDynamicSmem / words(columns), 1, kCountWarps));
}
Cut cut(std::int64_t rows, std::int64_t columns) {
    const int warps = warps_of_chunk(columns);
    const auto least = std::max(ceil_div(rows, kMostChunks), kLeastRows);
    const auto rows_of_part = ceil_div(least, warps);
    const auto chunks = std::max<std::int64_t>(ceil_div(rows, warps * rows_of_part), 1);
    return {warps, rows_of_part, chunks};
}

/// Of rows that are read ahead together: whole shares of them for each block that does it.
template <class Shape>
unsigned rows_of_segment(std::size_t row_bytes) {
    constexpr auto kShare = std::int64_t{Shape::kRowsAhead};
    const auto bytes = static_cast<std::int64_t>(std::max<std::size_t>(row_bytes, 1));
    return static_cast<unsigned>(std::max(Shape::kSegmentBytes / bytes / kShare, std::int64_t{1}) *
                                 kShare);
}

void launch_counting(const Plan& plan, int warps, const std::int32_t* chosen, cudaStream_t stream) {
    launch({.blocks = dim3(static_cast<unsigned>(plan.chunks)),
            .threads = warps * kWarp,
            .stream = stream,
            .smem_bytes = words(std::int64_t{warps} * plan.columns())},
           count, plan, chosen);
    const auto blocks = ceil_div(plan.columns(), kScanThreads / kWarp) + 1;
    launch({.blocks = dim3(static_cast<unsigned>(blocks)),
            .threads = kScanThreads,
            .stream = stream,
            .overlaps = true},
           scan, plan);
}

/// Shared memory with which rows are packed alone; nothing where that takes more than there is.
std::optional<std::size_t> shared_alone(const Plan& plan) {
    const auto numbers =
        std::max<std::int64_t>(places(plan.top_k) + Compared::numbers(plan), plan.columns());
    if (plan.rows > kMostAlone || words(numbers) > kDefaultDynamicSmem) return {};
    return words(numbers);
}

void launch_pack(const Plan& plan, std::optional<std::size_t> alone, bool many_copies,
                 const Matrix& x, const Routing& routing, const float* shared_weight,
                 const LayerKernels::Packing& packing, cudaStream_t stream) {
    const auto& packed = packing.packed;
    visit_native(
        x.dtype, rows_are_wide(x.row_bytes(), {x.data, packed.data}), [&](auto tag, auto lanes) {
            using T = typename decltype(tag)::type;
            constexpr int kLanes = decltype(lanes)::value;
            const auto vectors = x.cols / kLanes;
            const auto launch_as = [&](auto shape) {
                using Shape = decltype(shape);
                launch({.blocks = dim3(static_cast<unsigned>(x.rows + (Shape::kAlone ? 1 : 0))),
                        .threads = Shape::kThreads,
                        .stream = stream,
                        .smem_bytes = alone.value_or(words(places(plan.top_k))),
                        .occupancy_limit = Shape::kMany ? 0 : Shape::kBlocks,
                        .overlaps = !Shape::kAlone},
                       pack<T, kLanes, Shape>, plan, rows_of_segment<Shape>(x.row_bytes()),
                       x.as<T>(), packed.as<T>(), vectors, routing, shared_weight, packing.combine);
            };
            if (alone.has_value()) {
                launch_as(Alone{});
            } else if (!many_copies) {
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
      counts_(device.allocate(words((dims.local_experts + 1) * kMostChunks))),
      totals_(device.allocate(words(dims.local_experts))) {
    const std::vector<std::int32_t> none(static_cast<std::size_t>(dims.local_experts), 0);
    device.upload(reinterpret_cast<const std::byte*>(none.data()), totals_.data(), totals_.bytes());
}

std::size_t Permutation::bytes(const LayerDims& dims) {
    return words(dims.rows * (dims.top_k + 1) + (dims.local_experts + 1) * kMostChunks +
                 dims.local_experts);
}

void Permutation::launch(const Matrix& x, const Routing& routing, const float* shared_weight,
                         const LayerKernels::Packing& packing, cudaStream_t stream) {
    MOE_EXPECT(x.cols == packing.packed.cols && x.dtype == packing.packed.dtype,
               "experts compute in the type that rows travel as");
    const auto pieces = cut(x.rows, packing.local.size() + 1);
    const Plan plan{x.rows,
                    top_k_,
                    static_cast<std::int32_t>(packing.local.first),
                    static_cast<std::int32_t>(packing.local.size()),
                    packing.shared,
                    static_cast<int>(pieces.chunks),
                    static_cast<int>(pieces.rows_of_part),
                    Divisor(top_k_),
                    Divisor(pieces.rows_of_chunk()),
                    rank_.as<std::int32_t>(),
                    entry_.as<std::int32_t>(),
                    counts_.as<std::int32_t>(),
                    totals_.as<std::int32_t>(),
                    packing.expert_offsets,
                    packing.combine.offsets + x.rows};
    const auto alone = shared_alone(plan);
    if (!alone.has_value()) {
        launch_counting(plan, pieces.warps, routing.expert, stream);
        if (x.rows == 0) return;
    }
    launch_pack(plan, alone, many_copies_, x, routing, shared_weight, packing, stream);
}

}  // namespace moe::cuda
