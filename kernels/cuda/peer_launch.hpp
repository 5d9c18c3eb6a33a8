#pragma once

#include "kernels/cuda/peer.hpp"
#include "kernels/runtime/peer_kernels.hpp"

#include <cuda_runtime_api.h>

#include <utility>

namespace moe::cuda {

/// Blocks with which reading over links is at its best; more take SMs and gain nothing.
constexpr int kMaxPullBlocks = 64;

struct PeerLaunch {
    cudaStream_t stream;
    /// That may wait for other ranks at once, so that every rank's get their turn on a GPU.
    int max_blocks;
};

void launch_pull_sum(const Peers& peers, const OwnRows& to, const PeerLaunch& how);
void launch_one_shot(const Peers& peers, const Matrix& out, const PeerLaunch& how);
void launch_two_shot(const Peers& peers, const Peers& parts, const Matrix& out,
                     const PeerLaunch& how);
void launch_push_copy(const Peers& peers, const OwnRows& from, const PeerLaunch& how);
void launch_peer_barrier(const Peers& peers, cudaStream_t stream);
/// slot_bytes: see PushInbox.
void launch_all_reduce_push(const Peers& inbox, std::size_t slot_bytes, const Matrix& in,
                            const Matrix& out, const PeerLaunch& how);

/// visit(MostRanks<n>{}): the least number of ranks, of a few that kernels are compiled for, that
/// is no less than `ranks`.
template <int Ranks>
struct MostRanks {
    static constexpr int value = Ranks;
};
template <class Visit>
void visit_ranks(int ranks, Visit&& visit) {
    if (ranks <= 2) return visit(MostRanks<2>{});
    if (ranks <= 4) return visit(MostRanks<4>{});
    if (ranks <= 8) return visit(MostRanks<8>{});
    visit(MostRanks<kMaxPeers>{});
}

}  // namespace moe::cuda
