// The permutation of a decode step's few rows in one launch: each row compares its choices with all
// others, which takes less time than counting in launches of its own.
#include "kernels/cuda/permute.cuh"

#include <cub/block/block_scan.cuh>

#include <algorithm>

namespace moe::cuda {
namespace {

constexpr int kMaxRows = 256;
constexpr int kWarps = 16;
constexpr int kThreads = kWarps * kWarp;

/// Every choice as a local expert; what is not local is no less than the number of them.
class Choices {
public:
    /// `all`: shared memory [rows * top_k].
    __device__ Choices(const PermuteParams& params, std::int32_t* all)
        : params_(params),
          all_(reinterpret_cast<unsigned*>(all)),
          count_(params.rows * params.top_k),
          experts_(static_cast<unsigned>(params.experts)) {
        for (int i = static_cast<int>(threadIdx.x); i < count_; i += kThreads) {
            all_[i] = static_cast<unsigned>(params.routing.expert[i] - params.first_expert);
        }
        __syncthreads();
    }

    /// By one warp: copies of lower experts, and of earlier rows with the same one; of a choice
    /// that is not local, nothing that means anything.
    [[nodiscard]] __device__ int slot(int row, int k) const {
        const int own = row * params_.top_k;
        const auto expert = all_[own + k];
        return warp_sum(count_less(0, own, expert + 1) + count_less(own, count_, expert));
    }
    /// By one warp: entries of the CSR matrix before the row.
    [[nodiscard]] __device__ int entry(int row) const {
        int sum = count_less(0, row * params_.top_k, experts_);
        for (int r = lane(); params_.shared && r < row; r += kWarp) {
            sum += params_.routing.expert[r * params_.top_k] >= 0 ? 1 : 0;
        }
        return warp_sum(sum);
    }

private:
    [[nodiscard]] static __device__ int lane() { return static_cast<int>(threadIdx.x) % kWarp; }
    /// The lane's share of choices [begin, end) below `bound`.
    [[nodiscard]] __device__ int count_less(int begin, int end, unsigned bound) const {
        int sum = 0;
        for (int i = begin + lane(); i < end; i += kWarp) sum += all_[i] < bound ? 1 : 0;
        return sum;
    }

    const PermuteParams& params_;
    unsigned* all_;
    int count_;
    unsigned experts_;
};

/// What all rows have together, by one block. `counts`: shared memory [experts].
__device__ void write_totals(const PermuteParams& params, std::int32_t* counts) {
    using Scan = cub::BlockScan<int, kThreads>;
    __shared__ typename Scan::TempStorage storage;
    __shared__ int shared_rows;
    const int thread = static_cast<int>(threadIdx.x);
    for (int e = thread; e < params.experts; e += kThreads) counts[e] = 0;
    if (thread == 0) shared_rows = 0;
    __syncthreads();
    for (int i = thread; i < params.rows * params.top_k; i += kThreads) {
        const auto expert = params.routing.expert[i];
        if (params.is_local(expert)) atomicAdd(counts + (expert - params.first_expert), 1);
        if (params.shared && expert >= 0 && i % params.top_k == 0) atomicAdd(&shared_rows, 1);
    }
    __syncthreads();
    int before = 0;
    for (int first = 0; first < params.experts; first += kThreads) {
        const int e = first + thread;
        int offset = 0;
        int total = 0;
        Scan(storage).ExclusiveSum(e < params.experts ? counts[e] : 0, offset, total);
        if (e < params.experts) params.expert_offsets[e] = before + offset;
        before += total;
        __syncthreads();  // the storage is used again
    }
    if (thread != 0) return;
    params.expert_offsets[params.experts] = before;
    params.combine.offsets[params.rows] = before + shared_rows;
}

/// A block for each row, and one more for what they have together. `vectors`: of a row.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads, 2)
    permute_small_kernel(const __grid_constant__ PermuteParams params, const T* x, T* permuted,
                         std::int64_t vectors) {
    using V = Vector<T, Width>;
    auto* smem = dynamic_smem<std::int32_t>();
    const int row = static_cast<int>(blockIdx.x);
    if (row == params.rows) {
        write_totals(params, smem);
        return;
    }
    HeldRow<kThreads, V> held(reinterpret_cast<const V*>(x) + row * vectors, vectors);
    held.load();
    __shared__ int entry;
    __shared__ int copies;
    auto* slots = smem;                       // [top_k], by choice
    auto* local_slots = smem + params.top_k;  // [top_k], of local choices only
    const Choices choices(params, local_slots + params.top_k);
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    const bool is_leader = threadIdx.x % kWarp == 0;
    if (warp == kWarps - 1) {  // the last to have a choice
        const int before = choices.entry(row);
        if (is_leader) entry = before;
    }
    for (int k = warp; k < params.top_k; k += kWarps) {
        const int slot = choices.slot(row, k);
        if (is_leader) slots[k] = slot;
    }
    __syncthreads();
    if (warp == 0) {
        const int found = write_entries(params, row, entry, local_slots,
                                        [&](int k, std::int32_t) { return slots[k]; });
        if (is_leader) copies = found;
    }
    __syncthreads();
    held.store(reinterpret_cast<V*>(permuted), local_slots, copies);
}

std::size_t smem_bytes(const PermuteParams& params) {
    const auto of_row = std::int64_t{2} * params.top_k + std::int64_t{params.rows} * params.top_k;
    return static_cast<std::size_t>(std::max<std::int64_t>(of_row, params.experts)) *
           sizeof(std::int32_t);
}

}  // namespace

bool can_permute_small(const PermuteParams& params) {
    return params.rows <= kMaxRows && smem_bytes(params) <= kDefaultDynamicSmem;
}

void launch_permute_small(const PermuteParams& params, const Matrix& x, const Matrix& permuted,
                          cudaStream_t stream) {
    auto config = in_blocks(x.rows + 1, kThreads, stream);
    config.smem_bytes = smem_bytes(params);
    visit_native(x.dtype, rows_are_wide(x.row_bytes(), {x.data, permuted.data}),
                 [&](auto tag, auto lanes) {
                     using T = typename decltype(tag)::type;
                     constexpr int kLanes = decltype(lanes)::value;
                     launch(config, permute_small_kernel<T, kLanes>, params, x.as<T>(),
                            permuted.as<T>(), x.cols / kLanes);
                 });
}

}  // namespace moe::cuda
