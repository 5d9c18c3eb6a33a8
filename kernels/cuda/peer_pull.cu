// Sums over peer memory by reading it. One kernel each: the barriers around the sum are flags of
// each block. The floor is the link: what a rank reads of others over the read bandwidth both ways.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/peer.cuh"
#include "kernels/cuda/peer_launch.hpp"
#include "kernels/cuda/peer_terms.cuh"

#include <algorithm>

namespace moe::cuda {
namespace {

/// Threads of a block at most: more ranks take more registers of each.
template <int Most>
constexpr int kMostThreads = Most <= 2 ? 1024 : 512;
/// The same of all-reduces, which take more for a last vector that lacks elements.
constexpr int kMostAllReduceThreads = 512;
constexpr std::int64_t kVector{kVectorBytes};

/// Vectors of the sum that a thread works on at once. With four of 1024 threads, two ranks that
/// share a GPU ask its memory for more than it takes: 89 us in place of 52 for 64 MiB.
template <int Most>
constexpr int kVectors = Most <= 4 ? 2 : 1;
/// The same of all-reduces, of fewer threads.
template <int Most>
constexpr int kAllReduceVectors = Most <= 2 ? 4 : kVectors<Most>;

/// store(i, sum) for every vector i of this block's share from `first` on, at most `count` of them,
/// kUnroll at once. Most: of ranks.
template <class T, int Width, int Most, int kUnroll, class Store>
__device__ void sum_vectors(const Peers& peers, std::int64_t offset, std::int64_t first,
                            std::int64_t count, Store&& store) {
    const auto stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (auto i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
         i += kUnroll * stride) {
        PeerTerms<T, Width, Most> terms[kUnroll];
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
            if (i + u * stride < count) terms[u].load(peers, offset, first + i + u * stride);
        }
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
            if (i + u * stride >= count) break;
            store(first + i + u * stride, terms[u].sum(peers));
        }
    }
}

template <class T, int Width, int Most>
__global__ void __launch_bounds__(kMostThreads<Most>)
    pull_sum(const __grid_constant__ Peers peers, std::int64_t offset, T* to, std::int64_t count) {
    const auto epoch = epoch_of(peers);
    meet<Orders::boundary>(peers, epoch + 1);
    sum_vectors<T, Width, Most, kVectors<Most>>(
        peers, offset, 0, count, [&](std::int64_t i, const Vector<T, Width>& sum) {
            reinterpret_cast<Vector<T, Width>*>(to)[i] = sum;
        });
    meet<Orders::boundary>(peers, epoch + 2);
    advance_to(peers, epoch + 2);
}

template <class T, int Most>
__global__ void __launch_bounds__(kMostAllReduceThreads)
    one_shot(const __grid_constant__ Peers peers, std::byte* out, std::int64_t bytes) {
    const auto epoch = epoch_of(peers);
    meet<Orders::boundary>(peers, epoch + 1);
    // Whole vectors: blocks of memory are longer than what is no multiple of one.
    sum_vectors<T, kWide<T>, Most, kAllReduceVectors<Most>>(
        peers, 0, 0, ceil_div(bytes, kVector), [&](std::int64_t i, const Vector<T, kWide<T>>& sum) {
            store_padded<T>(out, i, bytes, sum);
        });
    meet<Orders::boundary>(peers, epoch + 2);
    advance_to(peers, epoch + 2);
}

/// Part p of all vectors, of `part` each, is rank p's to add up. Block b reads in the second shot
/// what block b of each rank wrote in the first, so that meeting in between is enough; and nobody
/// writes a part again before all have met for the next call, when this one is over.
template <class T, int Most>
__global__ void __launch_bounds__(kMostAllReduceThreads)
    two_shot(const __grid_constant__ Peers peers, const __grid_constant__ Peers parts,
             std::byte* out, std::int64_t bytes, std::int64_t part) {
    using V = Vector<T, kWide<T>>;
    const auto vectors = ceil_div(bytes, kVector);
    const auto count_of = [&](int rank) {
        return max(static_cast<std::int64_t>(0), min(part, vectors - rank * part));
    };
    const auto epoch = epoch_of(peers);
    meet<Orders::boundary>(peers, epoch + 1);
    const auto first = peers.rank * part;
    auto* mine = parts.data[peers.rank];
    sum_vectors<T, kWide<T>, Most, kAllReduceVectors<Most>>(
        peers, 0, first, count_of(peers.rank),
        [&](std::int64_t i, const V& sum) { store_peer(mine, i - first, sum); });
    meet<Orders::written>(peers, epoch + 2);
    const auto stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    const auto start = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    for (auto i = start; i < part; i += stride) {
        V sum[Most];
#pragma unroll
        for (int rank = 0; rank < Most; ++rank) {
            if (rank < peers.ranks && i < count_of(rank)) {
                sum[rank] = load_peer<V>(parts.data[rank], i);
            }
        }
#pragma unroll
        for (int rank = 0; rank < Most; ++rank) {
            if (rank < peers.ranks && i < count_of(rank)) {
                store_padded<T>(out, rank * part + i, bytes, sum[rank]);
            }
        }
    }
    advance_to(peers, epoch + 2);
}

PeerGrid grid_for(std::int64_t vectors, int most_threads, const PeerLaunch& how) {
    return peer_grid(vectors, most_threads, std::min(how.max_blocks, kMaxPullBlocks));
}

}  // namespace

void launch_pull_sum(const Peers& peers, const OwnRows& to, const PeerLaunch& how) {
    if (to.most_rows == 0) return;
    if (to.norm != nullptr) {
        launch_pull_sum_norm(peers, to, how);
        return;
    }
    const bool wide =
        rows_are_wide(to.rows.row_bytes(), {to.rows.data}) && to.offset % kVectorBytes == 0;
    const auto most_bytes = to.most_rows * static_cast<std::int64_t>(to.rows.row_bytes());
    visit_native(to.rows.dtype, wide, [&](auto tag, auto lanes) {
        using T = typename decltype(tag)::type;
        constexpr int kLanes = decltype(lanes)::value;
        visit_ranks(peers.ranks, [&](auto most) {
            constexpr int kMost = decltype(most)::value;
            // By bytes: rows may be wide on some ranks only, and all need as many blocks.
            const auto grid = grid_for(ceil_div(most_bytes, kVector), kMostThreads<kMost>, how);
            pull_sum<T, kLanes, kMost><<<grid.blocks, grid.threads, 0, how.stream>>>(
                peers, static_cast<std::int64_t>(to.offset), to.rows.as<T>(),
                to.rows.elements() / kLanes);
            MOE_CUDA(cudaGetLastError());
        });
    });
}

void launch_one_shot(const Peers& peers, const Matrix& out, const PeerLaunch& how) {
    if (out.elements() == 0) return;
    const auto bytes = static_cast<std::int64_t>(out.bytes());
    visit_native(out.dtype, true, [&](auto tag, auto /*lanes*/) {
        using T = typename decltype(tag)::type;
        visit_ranks(peers.ranks, [&](auto most) {
            constexpr int kMost = decltype(most)::value;
            const auto grid = grid_for(ceil_div(bytes, kVector), kMostAllReduceThreads, how);
            one_shot<T, kMost>
                <<<grid.blocks, grid.threads, 0, how.stream>>>(peers, out.data, bytes);
            MOE_CUDA(cudaGetLastError());
        });
    });
}

void launch_two_shot(const Peers& peers, const Peers& parts, const Matrix& out,
                     const PeerLaunch& how) {
    if (out.elements() == 0) return;
    const auto bytes = static_cast<std::int64_t>(out.bytes());
    const auto part = static_cast<std::int64_t>(
        PeerKernels::two_shot_part_bytes(peers.ranks, out.bytes()) / kVectorBytes);
    visit_native(out.dtype, true, [&](auto tag, auto /*lanes*/) {
        using T = typename decltype(tag)::type;
        visit_ranks(peers.ranks, [&](auto most) {
            constexpr int kMost = decltype(most)::value;
            const auto grid = grid_for(part, kMostAllReduceThreads, how);
            two_shot<T, kMost>
                <<<grid.blocks, grid.threads, 0, how.stream>>>(peers, parts, out.data, bytes, part);
            MOE_CUDA(cudaGetLastError());
        });
    });
}

}  // namespace moe::cuda
