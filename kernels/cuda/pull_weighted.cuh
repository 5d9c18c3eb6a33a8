// What an owner reads of all ranks to add up their expert rows: where those lie, and which of them a
// row is made of.
#pragma once

#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/peer.cuh"
#include "kernels/cuda/peer_launch.hpp"
#include "kernels/cuda/warp.cuh"

namespace moe::cuda {

static_assert(kMaxPeers <= kWarp);

/// Where weighted rows lie in each rank's block, in bytes.
struct Places {
    std::int64_t offsets, indices, weights, dense;
};

/// A lane's part of what a row is made of, for the lane with the number of a rank: the entries
/// [first, end) of that rank.
struct Span {
    std::uint32_t first, end;
};

/// One entry for each lane, and how many the row has: of all ranks, in their order.
struct Entries {
    std::uint32_t index, weight;  ///< as they lie in memory
    int rank;
    int total;
};

/// What rows are made of, as a warp looks it up: its lanes are together in each call.
struct PeerEntries {
    const Peers& peers;
    const Places& at;
    std::int64_t row_bytes;

    [[nodiscard]] __device__ Span span(std::int64_t row) const {
        Span span{};
        if (lane() < peers.ranks) {
            const auto* offsets = words(lane(), at.offsets) + row;
            span = {load_relaxed(offsets), load_relaxed(offsets + 1)};
        }
        return span;
    }
    /// Of a row's entries those from `from` on.
    [[nodiscard]] __device__ Entries entries(const Span& span, int from) const {
        Entries found{};
        const auto wanted = static_cast<std::uint32_t>(from + lane());
        std::uint32_t before = 0;
        std::uint32_t at_rank = 0;
#pragma unroll 1
        for (int rank = 0; rank < peers.ranks; ++rank) {
            const auto first = __shfl_sync(kAllLanes, span.first, rank);
            const auto end = before + __shfl_sync(kAllLanes, span.end, rank) - first;
            if (wanted >= before && wanted < end) {
                found.rank = rank;
                at_rank = first + wanted - before;
            }
            before = end;
        }
        found.total = static_cast<int>(before);
        if (wanted < before) {
            found.index = load_relaxed(words(found.rank, at.indices) + at_rank);
            found.weight = load_relaxed(words(found.rank, at.weights) + at_rank);
        }
        return found;
    }
    /// Dense row `index` of a rank.
    [[nodiscard]] __device__ const std::byte* row(int rank, std::uint32_t index) const {
        return peers.data[rank] + at.dense + static_cast<std::int64_t>(index) * row_bytes;
    }

private:
    [[nodiscard]] static __device__ int lane() {
        return static_cast<int>(threadIdx.x) % kWarp;
    }
    [[nodiscard]] __device__ const std::uint32_t* words(int rank, std::int64_t place) const {
        return reinterpret_cast<const std::uint32_t*>(peers.data[rank] + place);
    }
};

/// This rank's rows.
struct OwnPart {
    std::int64_t first, rows;  ///< among all ranks' rows
    std::int64_t vectors;      ///< of a row
};

/// Rows come by bulk copies, through rings: for many rows, all wide (see rows_are_wide()), where
/// there are ring_workers(). As many blocks as the kernel that it stands for.
void launch_pull_weighted_ring(const Peers& peers, const Places& places, const OwnPart& own,
                               const Matrix& out, unsigned blocks, cudaStream_t stream);

}  // namespace moe::cuda
