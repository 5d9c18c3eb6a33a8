#pragma once

#include "kernels/cuda/peer.hpp"
#include "kernels/runtime/peer_kernels.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdint>

namespace moe::cuda {

/// Blocks with which reading over links is fastest; more take SMs and gain nothing.
constexpr int kMaxPullBlocks = 64;
static_assert(kMaxPullBlocks <= kMaxFlagBlocks);

/// Vectors of the longest row that push_weighted_sum norms: their squares lie in shared memory.
constexpr std::size_t kMostNormVectors = 8192;

struct PeerLaunch {
    cudaStream_t stream;
    /// Blocks that may wait for other ranks at once: so many have room on the GPU beside those of
    /// all other ranks there.
    int max_blocks;
    bool may_queue;  ///< whether more may be launched, which begin when others have ended

    /// Of a kernel that is fastest with `best` blocks, some of them queued.
    [[nodiscard]] int blocks(int best) const { return may_queue ? best : max_blocks; }
};

void launch_pull_sum(const Peers& peers, const OwnRows& to, const PeerLaunch& how);
/// Of rows that have a norm.
void launch_pull_sum_norm(const Peers& peers, const OwnRows& to, const PeerLaunch& how);
void launch_one_shot(const Peers& peers, const Matrix& out, const PeerLaunch& how);
void launch_two_shot(const Peers& peers, const Peers& parts, const Matrix& out,
                     const PeerLaunch& how);
void launch_push_copy(const Peers& peers, const OwnRows& from, const PeerLaunch& how);
void launch_push_sum(const Peers& inbox, const PushSum& sum, const PeerLaunch& how);
/// Of sums that have a norm.
void launch_push_sum_norm(const Peers& inbox, const PushSum& sum, const PeerLaunch& how);
void launch_push_weighted_sum(const Peers& inbox, const PushWeightedSum& sum,
                              const PeerLaunch& how);
/// Whether it takes the norm of rows, of which an owner has so many at most: where they are few.
/// The ring has none: one that had took longer than a kernel of its own behind it
/// (kernels/README.md).
[[nodiscard]] bool push_weighted_norms(std::int64_t most_rows, std::size_t row_bytes,
                                       int max_blocks);
void launch_pull_weighted_sum(const Peers& peers, const PullWeightedSum& sum,
                              const PeerLaunch& how);
/// Workers of a ring's kernel for which a block of this process's GPU has shared memory; none where
/// the GPU, or what its code was made for, has no bulk copies. The same on ranks of equal GPUs.
[[nodiscard]] int ring_workers();
void launch_peer_barrier(const Peers& peers, cudaStream_t stream);
/// slot_bytes: see PushInbox.
void launch_all_reduce_push(const Peers& inbox, std::size_t slot_bytes, const Matrix& in,
                            const Matrix& out, const PeerLaunch& how);

/// The same on all ranks that ask for as many vectors.
struct PeerGrid {
    unsigned blocks, threads;
};
/// Blocks of the fewest threads as long as blocks are left, since a multiprocessor has only so much
/// in flight; then more threads, until each vector has one.
[[nodiscard]] inline PeerGrid peer_grid(std::int64_t vectors, int most_threads, int most_blocks) {
    int threads = 128;
    while (threads < most_threads && std::int64_t{most_blocks} * threads < vectors) threads *= 2;
    const auto wanted = (vectors + threads - 1) / threads;
    const auto blocks = std::clamp<std::int64_t>(wanted, 1, most_blocks);
    return {static_cast<unsigned>(blocks), static_cast<unsigned>(threads)};
}

/// visit(MostRanks<n>{}): kernels are compiled for a few numbers of ranks; n is the smallest that
/// holds `ranks`.
template <int Ranks>
struct MostRanks {
    static constexpr int value = Ranks;
};
template <class Visit>
void visit_ranks(int ranks, Visit&& visit) {
    if (ranks <= 2) return visit(MostRanks<2>{});
    if (ranks <= 4) return visit(MostRanks<4>{});
    visit(MostRanks<kMaxPeers>{});
}

}  // namespace moe::cuda
