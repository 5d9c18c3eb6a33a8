// The reduce_scatterv that no library has, in one kernel: every rank writes each owner's rows into
// the owner's inbox, and adds what has come for its own. The floor is the link: what a rank sends,
// or an owner gets, over the write bandwidth both ways; below a MiB it is the time in which a word
// crosses.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/lamport.cuh"
#include "kernels/cuda/peer_launch.hpp"

#include <algorithm>

namespace moe::cuda {
namespace {

constexpr int kMostThreads = 512;
constexpr std::int64_t kVector{kVectorBytes};

/// Vectors of each source that a thread has in flight where there are more than threads.
template <int Most>
constexpr int kManyVectors = std::max(8 / Most, 1);

/// Where each owner's rows lie in the partial sums, and where they go.
struct Owners {
    std::int64_t offset[kMaxPeers];  ///< bytes
    std::int64_t bytes[kMaxPeers];
    std::int64_t slot_bytes[kMaxPeers];

    /// Of an owner of no rows one, since every rank has to hear from every other in each call.
    [[nodiscard]] __host__ __device__ std::int64_t vectors(int rank) const {
        const auto count = (bytes[rank] + kVector - 1) / kVector;
        return count > 0 ? count : 1;
    }
};

/// Tiles of blockDim.x * kUnroll vectors go round the blocks. A block sends tile after tile, each
/// to all owners before the next one, and adds up its own rows one tile behind: what comes is then
/// there, or on its way, and no rank waits for one that waits for it.
template <class T, bool Wide, int Most, int kUnroll>
__global__ void __launch_bounds__(kMostThreads)
    push_sum(const __grid_constant__ Peers peers, const __grid_constant__ Owners owners,
             const std::byte* in, std::byte* out, std::int64_t tiles) {
    using V = Vector<T, kWide<T>>;
    const auto epoch = epoch_of(peers);
    const int me = peers.rank;
    const auto slot = [&](int owner, int source) {
        return Slots{peers, owners.slot_bytes[owner], epoch}.of(owner, source);
    };
    const auto vector_of = [&](std::int64_t tile, int u) {
        return (tile * kUnroll + u) * blockDim.x + threadIdx.x;
    };
    const auto send = [&](std::int64_t tile) {
#pragma unroll
        for (int step = 1; step < Most; ++step) {
            if (step >= peers.ranks) break;
            const int turn = me + step;
            const int owner = turn < peers.ranks ? turn : turn - peers.ranks;
            const auto count = owners.vectors(owner);
            const auto* rows = in + owners.offset[owner];
            auto* to = slot(owner, me);
            V value[kUnroll];
#pragma unroll
            for (int u = 0; u < kUnroll; ++u) {
                const auto i = vector_of(tile, u);
                if (i < count) value[u] = load_padded<T, Wide>(rows, i, owners.bytes[owner]);
            }
#pragma unroll
            for (int u = 0; u < kUnroll; ++u) {
                const auto i = vector_of(tile, u);
                if (i < count) post(to, i, value[u]);
            }
        }
    };
    const auto add = [&](std::int64_t tile) {
        const auto count = owners.vectors(me);
        const auto bytes = owners.bytes[me];
        uint4 seen[kUnroll][Most];
        V own[kUnroll];
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
            const auto i = vector_of(tile, u);
            if (i >= count) break;
            own[u] = load_padded<T, Wide>(in + owners.offset[me], i, bytes);
#pragma unroll
            for (int source = 0; source < Most; ++source) {
                if (source < peers.ranks && source != me) {
                    seen[u][source] =
                        load_relaxed(reinterpret_cast<const uint4*>(slot(me, source)) + i);
                }
            }
        }
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
            const auto i = vector_of(tile, u);
            if (i >= count) break;
            VectorSum<T, kWide<T>> sum;
#pragma unroll
            for (int source = 0; source < Most; ++source) {
                if (source >= peers.ranks) break;
                sum.add(source == me
                            ? own[u]
                            : take<V>(peers, slot(me, source), i, seen[u][source], source, epoch));
            }
            store_padded<T, Wide>(out, i, bytes, sum.rounded());
        }
    };
    const std::int64_t stride = gridDim.x;
    std::int64_t tile = blockIdx.x;
    for (; tile < tiles; tile += stride) {
        send(tile);
        if (tile >= stride) add(tile - stride);
    }
    if (tile >= stride) add(tile - stride);
    advance_to(peers, epoch + 1);
}

}  // namespace

void launch_push_sum(const Peers& inbox, const PushSum& sum, const PeerLaunch& how) {
    Owners owners{};
    std::int64_t most = 0;
    for (int rank = 0; rank < inbox.ranks; ++rank) {
        const auto at = static_cast<std::size_t>(rank);
        owners.offset[rank] = sum.first[at] * static_cast<std::int64_t>(sum.in.row_bytes());
        owners.bytes[rank] = static_cast<std::int64_t>(sum.bytes_of(rank));
        owners.slot_bytes[rank] = static_cast<std::int64_t>(sum.slot_bytes[at]);
        most = std::max(most, owners.vectors(rank));
    }
    if (sum.first.back() == 0) return;  // on all ranks alike
    const bool wide = rows_are_wide(sum.in.row_bytes(), {sum.in.data, sum.out.data});
    visit_native(sum.in.dtype, true, [&](auto tag, auto /*lanes*/) {
        using T = typename decltype(tag)::type;
        visit_ranks(inbox.ranks, [&](auto ranks) {
            constexpr int kMost = decltype(ranks)::value;
            constexpr int kMany = kManyVectors<kMost>;
            const auto grid = peer_grid(most, kMostThreads, how.max_blocks);
            const bool many = most > std::int64_t{grid.blocks} * grid.threads;
            const auto launch = [&](auto kernel, int vectors) {
                const auto tiles = ceil_div(most, std::int64_t{grid.threads} * vectors);
                const auto blocks = std::min<std::int64_t>(grid.blocks, tiles);
                kernel<<<static_cast<unsigned>(blocks), grid.threads, 0, how.stream>>>(
                    inbox, owners, sum.in.data, sum.out.data, tiles);
            };
            if (!wide) {
                launch(push_sum<T, false, kMost, 1>, 1);
            } else if (many) {
                launch(push_sum<T, true, kMost, kMany>, kMany);
            } else {
                launch(push_sum<T, true, kMost, 1>, 1);
            }
            MOE_CUDA(cudaGetLastError());
        });
    });
}

}  // namespace moe::cuda
