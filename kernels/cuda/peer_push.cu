// The all-reduce that engines run for small matrices: every rank writes its own into all others'
// inboxes, and adds what has come. The floor is the link: (ranks - 1) matrices over the write
// bandwidth both ways; below a MiB it is the time in which one word crosses.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/lamport.cuh"
#include "kernels/cuda/peer_launch.hpp"

namespace moe::cuda {
namespace {

/// Threads of a block at most: more ranks take more registers of each.
template <int Most>
constexpr int kMostThreads = Most <= 4 ? 1024 : 512;
constexpr std::int64_t kVector{kVectorBytes};

/// Most: of ranks.
template <class T, int Most>
__global__ void __launch_bounds__(kMostThreads<Most>)
    all_reduce_push(const __grid_constant__ Peers peers, const std::byte* in, std::byte* out,
                    std::int64_t bytes, std::int64_t slot_bytes) {
    using V = Vector<T, kWide<T>>;
    const Slots slots{peers, slot_bytes, epoch_of(peers)};
    const auto vectors = ceil_div(bytes, kVector);
    const auto stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    const auto start = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    for (auto i = start; i < vectors; i += stride) {
        const auto own = load_padded<T>(in, i, bytes);
#pragma unroll
        for (int step = 1; step < Most; ++step) {
            if (step >= peers.ranks) break;
            const auto turn = peers.rank + step;
            const auto peer = turn < peers.ranks ? turn : turn - peers.ranks;
            post(slots.of(peer, peers.rank), i, own);
        }
    }
    for (auto i = start; i < vectors; i += stride) {
        const auto own = load_padded<T>(in, i, bytes);
        uint4 seen[Most];
#pragma unroll
        for (int rank = 0; rank < Most; ++rank) {
            if (rank < peers.ranks && rank != peers.rank) {
                const auto* slot = slots.of(peers.rank, rank);
                seen[rank] = load_relaxed(reinterpret_cast<const uint4*>(slot) + i);
            }
        }
        VectorSum<T, kWide<T>> sum;
#pragma unroll
        for (int rank = 0; rank < Most; ++rank) {
            if (rank >= peers.ranks) break;
            if (rank == peers.rank) {
                sum.add(own);
            } else {
                sum.add(
                    take<V>(peers, slots.of(peers.rank, rank), i, seen[rank], rank, slots.epoch));
            }
        }
        store_padded<T>(out, i, bytes, sum.rounded());
    }
    advance_to(peers, slots.epoch + 1);
}

}  // namespace

void launch_all_reduce_push(const Peers& inbox, std::size_t slot_bytes, const Matrix& in,
                            const Matrix& out, const PeerLaunch& how) {
    if (in.elements() == 0) return;
    const auto bytes = static_cast<std::int64_t>(in.bytes());
    const auto vectors = ceil_div(bytes, kVector);
    visit_native(in.dtype, true, [&](auto tag, auto /*lanes*/) {
        using T = typename decltype(tag)::type;
        visit_ranks(inbox.ranks, [&](auto most) {
            constexpr int kMost = decltype(most)::value;
            const auto grid = peer_grid(vectors, kMostThreads<kMost>, how.max_blocks);
            all_reduce_push<T, kMost><<<grid.blocks, grid.threads, 0, how.stream>>>(
                inbox, in.data, out.data, bytes, static_cast<std::int64_t>(slot_bytes));
            MOE_CUDA(cudaGetLastError());
        });
    });
}

}  // namespace moe::cuda
