// What the two forms of the permutation share: a block for each row, whose first warp finds out
// where the row's copies go while the row itself is on its way to registers.
#pragma once

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/permute.hpp"
#include "kernels/cuda/vector.cuh"
#include "kernels/cuda/warp.cuh"

namespace moe::cuda {

/// Sizes, and all but the rows themselves. Rows times top_k fit into 32 bits, as indices of rows
/// do.
struct PermuteParams {
    int rows;
    int top_k;
    std::int32_t first_expert;  ///< of the local ones
    std::int32_t experts;       ///< local ones
    bool shared;
    Routing routing;
    const float* shared_weight;
    std::int32_t* expert_offsets;
    WeightedRows combine;

    [[nodiscard]] __device__ bool is_local(std::int32_t expert) const {
        return static_cast<unsigned>(expert - first_expert) < static_cast<unsigned>(experts);
    }
};

/// Writes a row's entries of the CSR matrix from index `entry` on, by one warp with a lane for each
/// choice. slot_of(k, e) is the permuted row of its k-th choice, the local expert e. Leaves them in
/// `slots` [top_k], shared memory, and returns how many copies there are.
template <class SlotOf>
__device__ int write_entries(const PermuteParams& params, int row, std::int32_t entry,
                             std::int32_t* slots, SlotOf slot_of) {
    const auto& combine = params.combine;
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const auto* chosen = params.routing.expert + row * params.top_k;
    const bool shared = params.shared && chosen[0] >= 0;
    const auto first_entry = entry + (shared ? 1 : 0);
    int found = 0;
    for (int first = 0; first < params.top_k; first += kWarp) {
        const int k = first + lane;
        const auto expert = k < params.top_k ? chosen[k] : -1;
        const bool local = params.is_local(expert);
        const auto locals = __ballot_sync(kAllLanes, local);
        if (local) {
            const auto slot = slot_of(k, expert - params.first_expert);
            const int at = found + __popc(locals & lower_lanes());
            slots[at] = slot;
            combine.indices[first_entry + at] = (params.shared ? params.rows : 0) + slot;
            combine.weights[first_entry + at] = params.routing.weight[row * params.top_k + k];
        }
        found += __popc(locals);
    }
    if (lane == 0) {
        combine.offsets[row] = entry;
        if (shared) {
            combine.indices[entry] = row;
            combine.weights[entry] = params.shared_weight[row];
        }
    }
    return found;
}

/// A row on its way to its copies, in the registers of a block's `Threads` threads.
template <int Threads, class V>
class HeldRow {
public:
    __device__ HeldRow(const V* row, std::int64_t vectors) : row_(row), vectors_(vectors) {}

    /// The row's first vectors, or those from `first` of this thread on.
    __device__ void load(std::int64_t first = threadIdx.x) {
#pragma unroll
        for (int i = 0; i < kHeld; ++i) {
            const auto col = first + i * Threads;
            if (col < vectors_) held_[i] = row_[col];
        }
    }
    /// The whole row, whose first vectors are loaded, to rows slots[0] to slots[copies - 1].
    __device__ void store(V* permuted, const std::int32_t* slots, int copies) {
        if (copies == 0) return;
        for (std::int64_t first = threadIdx.x; first < vectors_;) {
#pragma unroll 1
            for (int k = 0; k < copies; ++k) {
                auto* to = permuted + slots[k] * vectors_;
#pragma unroll
                for (int i = 0; i < kHeld; ++i) {
                    const auto col = first + i * Threads;
                    if (col < vectors_) store_streaming(to + col, held_[i]);
                }
            }
            first += kHeld * Threads;
            load(first);
        }
    }

private:
    static constexpr int kHeld = 4;
    const V* row_;
    std::int64_t vectors_;
    V held_[kHeld];
};

/// Whether one launch can do it: rows are few, and so are their choices.
[[nodiscard]] bool can_permute_small(const PermuteParams& params);
void launch_permute_small(const PermuteParams& params, const Matrix& x, const Matrix& permuted,
                          cudaStream_t stream);

}  // namespace moe::cuda
