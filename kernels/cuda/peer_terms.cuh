#pragma once

#include "kernels/cuda/peer.cuh"

#include <cstdint>

namespace moe::cuda {

/// One vector of every rank, on its way into a sum. Most: of ranks.
template <class T, int Width, int Most>
struct PeerTerms {
    using V = Vector<T, Width>;
    V of[Most];

    /// Vector i of what lies `offset` bytes into each rank's block.
    __device__ void load(const Peers& peers, std::int64_t offset, std::int64_t i) {
#pragma unroll
        for (int rank = 0; rank < Most; ++rank) {
            if (rank < peers.ranks) of[rank] = load_peer<V>(peers.data[rank] + offset, i);
        }
    }
    /// In f32, in the order of the ranks, rounded once.
    [[nodiscard]] __device__ V sum(const Peers& peers) const {
        VectorSum<T, Width> sum;
#pragma unroll
        for (int rank = 0; rank < Most; ++rank) {
            if (rank < peers.ranks) sum.add(of[rank]);
        }
        return sum.rounded();
    }
};

}  // namespace moe::cuda
