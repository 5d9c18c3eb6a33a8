// The reduce_scatterv that no library has, in one kernel: every rank writes each owner's rows into
// the inbox of the rank that adds them up, the owner or one that helps it, and adds what has come
// for its own pieces. The floor is the link: what a rank sends, or takes in, over the write
// bandwidth both ways; below a MiB it is the time in which a word crosses.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/lamport.cuh"
#include "kernels/cuda/peer_launch.hpp"

#include <algorithm>

namespace moe::cuda {
namespace {

constexpr int kMostThreads = 512;
constexpr std::int64_t kVector{PushPlan::kVector};
static_assert(kVector == kVectorBytes);

/// Of a plan for kMaxPeers: one of its own for each, and as many as surpluses fill gaps with.
constexpr int kMaxPieces = 2 * kMaxPeers;

/// Blocks where a GPU is one rank's alone. Those that find no room queue up: all wait for none but
/// blocks of their own number, which begin in the order of numbers on every GPU. So multiprocessors
/// do not keep step, and the link always has something to carry.
constexpr int kMostBlocks = 1024;
static_assert(kMostBlocks <= kMaxEpochs);
/// Vectors of each source that a thread has in flight where blocks cannot queue and are too few.
template <int Most>
constexpr int kManyVectors = std::max(8 / Most, 1);
/// That share a multiprocessor, where registers suffice.
template <int Most, int kUnroll>
constexpr int kMinBlocks = Most == 2 && kUnroll == 1 ? 2 : 1;

/// A PushPiece; one of no bytes travels as one vector, since every rank has to hear from every
/// other in each call.
struct Piece {
    std::int64_t offset, bytes, in_slot, in_own, in_forward;
    int owner, helper;

    [[nodiscard]] __host__ __device__ std::int64_t vectors() const {
        const auto count = (bytes + kVector - 1) / kVector;
        return count > 0 ? count : 1;
    }
};

/// A PushPlan as kernels take it, from one rank's view.
struct Pieces {
    Piece at[kMaxPieces];
    int count;
    int first, own;  ///< the first that this rank adds up, and how many it does
    bool takes;      ///< whether sums are forwarded to it
    std::int64_t half_bytes[kMaxPeers];
    std::int64_t slot_bytes[kMaxPeers];
};

/// Tiles of blockDim.x * kUnroll vectors of each piece go round the blocks. A block sends tile
/// after tile, each to all helpers before the next one, adds up its own pieces one tile behind, and
/// takes what was forwarded one more behind: what comes is then there, or on its way, and no rank
/// waits for one that waits for it.
template <class T, bool Wide, int Most, int kUnroll>
__global__ void __launch_bounds__(kMostThreads, kMinBlocks<Most, kUnroll>)
    push_sum(const __grid_constant__ Peers peers, const __grid_constant__ Pieces pieces,
             const std::byte* in, std::byte* out, std::int64_t tiles) {
    using V = Vector<T, kWide<T>>;
    const auto epoch = epoch_of(peers);
    const int me = peers.rank;
    const auto half = [&](int rank) {
        return peers.data[rank] + epoch % 2 * pieces.half_bytes[rank];
    };
    const auto slot = [&](const Piece& piece, int source) {
        return half(piece.helper) + source * pieces.slot_bytes[piece.helper] + piece.in_slot;
    };
    const auto forward = [&](const Piece& piece) {
        return half(piece.owner) + peers.ranks * pieces.slot_bytes[piece.owner] + piece.in_forward;
    };
    const auto vector_of = [&](std::int64_t tile, int u) {
        return (tile * kUnroll + u) * blockDim.x + threadIdx.x;
    };
    // Rows that are wide end with a whole vector.
    const auto load = [&](const Piece& piece, std::int64_t i) {
        if constexpr (Wide) {
            return piece.bytes > 0 ? reinterpret_cast<const V*>(in + piece.offset)[i] : V{};
        } else {
            return load_padded<T, false>(in + piece.offset, i, piece.bytes);
        }
    };
    const auto store = [&](const Piece& piece, std::int64_t i, const V& value) {
        if constexpr (Wide) {
            if (piece.bytes > 0) reinterpret_cast<V*>(out + piece.in_own)[i] = value;
        } else {
            store_padded<T, false>(out + piece.in_own, i, piece.bytes, value);
        }
    };
    const auto send = [&](const Piece& piece, std::int64_t tile) {
        const auto count = piece.vectors();
        auto* to = slot(piece, me);
        V value[kUnroll];
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
            const auto i = vector_of(tile, u);
            if (i < count) value[u] = load(piece, i);
        }
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
            const auto i = vector_of(tile, u);
            if (i < count) post(to, i, value[u]);
        }
    };
    uint4 seen[kUnroll][Most];
    V own[kUnroll];
    const auto look = [&](const Piece& piece, std::int64_t tile) {
        const auto count = piece.vectors();
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
            const auto i = vector_of(tile, u);
            if (i >= count) break;
            own[u] = load(piece, i);
#pragma unroll
            for (int source = 0; source < Most; ++source) {
                if (source < peers.ranks && source != me) {
                    seen[u][source] =
                        load_relaxed(reinterpret_cast<const uint4*>(slot(piece, source)) + i);
                }
            }
        }
    };
    const auto add = [&](const Piece& piece, std::int64_t tile) {
        const auto count = piece.vectors();
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
            const auto i = vector_of(tile, u);
            if (i >= count) break;
            VectorSum<T, kWide<T>> sum;
#pragma unroll
            for (int source = 0; source < Most; ++source) {
                if (source >= peers.ranks) break;
                sum.add(source == me ? own[u]
                                     : take<V>(peers, slot(piece, source), i, seen[u][source],
                                               source, epoch));
            }
            if (piece.owner == me) {
                store(piece, i, sum.rounded());
            } else {
                post(forward(piece), i, sum.rounded());
            }
        }
    };
    const auto take_forwarded = [&](const Piece& piece, std::int64_t tile) {
        const auto count = piece.vectors();
#pragma unroll 1
        for (int u = 0; u < kUnroll; ++u) {
            const auto i = vector_of(tile, u);
            if (i >= count) break;
            auto* from = forward(piece);
            const auto seen = load_relaxed(reinterpret_cast<const uint4*>(from) + i);
            store(piece, i, take<V>(peers, from, i, seen, piece.helper, epoch));
        }
    };
    const auto send_all = [&](std::int64_t tile) {
    // Those of the next rank come first, so that not all send to the same one at a time.
#pragma unroll 1
        for (int i = pieces.own; i < pieces.count; ++i) {
            const int turn = pieces.first + i;
            send(pieces.at[turn < pieces.count ? turn : turn - pieces.count], tile);
        }
    };
    const auto add_all = [&](std::int64_t tile) {  // after a look at the first
        add(pieces.at[pieces.first], tile);
#pragma unroll 1
        for (int i = 1; i < pieces.own; ++i) {
            look(pieces.at[pieces.first + i], tile);
            add(pieces.at[pieces.first + i], tile);
        }
    };
    const auto take_all = [&](std::int64_t tile) {
        if (!pieces.takes || tile < 0) return;
#pragma unroll 1
        for (int i = 0; i < pieces.count; ++i) {
            const auto& piece = pieces.at[i];
            if (piece.owner == me && piece.helper != me) take_forwarded(piece, tile);
        }
    };
    const std::int64_t stride = gridDim.x;
    std::int64_t tile = blockIdx.x;
    for (; tile < tiles; tile += stride) {
        // Before what is sent: loads would stand behind stores that a full link holds up.
        if (tile >= stride) look(pieces.at[pieces.first], tile - stride);
        send_all(tile);
        if (tile >= stride) add_all(tile - stride);
        take_all(tile - 2 * stride);
    }
    look(pieces.at[pieces.first], tile - stride);
    add_all(tile - stride);
    take_all(tile - 2 * stride);
    take_all(tile - stride);
    advance_to(peers, epoch + 1);
}

Pieces from_view_of(int rank, const PushSum& sum) {
    const auto& plan = sum.plan;
    MOE_EXPECT(plan.pieces().size() <= kMaxPieces, "more pieces than a kernel's parameters hold");
    Pieces pieces{};
    for (const auto& piece : plan.pieces()) {
        if (piece.helper < rank) ++pieces.first;
        if (piece.helper == rank) ++pieces.own;
        pieces.takes |= piece.forwarded() && piece.owner == rank;
        pieces.at[pieces.count++] = {.offset = static_cast<std::int64_t>(piece.offset),
                                     .bytes = static_cast<std::int64_t>(piece.bytes),
                                     .in_slot = static_cast<std::int64_t>(piece.in_slot),
                                     .in_own = static_cast<std::int64_t>(piece.in_own),
                                     .in_forward = static_cast<std::int64_t>(piece.in_forward),
                                     .owner = piece.owner,
                                     .helper = piece.helper};
    }
    for (int peer = 0; peer < plan.ranks(); ++peer) {
        pieces.half_bytes[peer] =
            static_cast<std::int64_t>(sum.half_bytes[static_cast<std::size_t>(peer)]);
        pieces.slot_bytes[peer] = static_cast<std::int64_t>(plan.slot_bytes(peer));
    }
    return pieces;
}

}  // namespace

void launch_push_sum(const Peers& inbox, const PushSum& sum, const PeerLaunch& how) {
    const auto pieces = from_view_of(inbox.rank, sum);
    std::int64_t most = 0;
    for (int i = 0; i < pieces.count; ++i) most = std::max(most, pieces.at[i].vectors());
    const bool wide = rows_are_wide(sum.in.row_bytes(), {sum.in.data, sum.out.data});
    visit_native(sum.in.dtype, true, [&](auto tag, auto /*lanes*/) {
        using T = typename decltype(tag)::type;
        visit_ranks(inbox.ranks, [&](auto ranks) {
            constexpr int kMost = decltype(ranks)::value;
            const auto grid = peer_grid(most, kMostThreads, how.blocks(kMostBlocks));
            constexpr int kMany = kManyVectors<kMost>;
            const bool many = !how.may_queue && most > std::int64_t{grid.blocks} * grid.threads;
            const auto launch = [&](auto kernel, int vectors) {
                const auto tiles = ceil_div(most, std::int64_t{grid.threads} * vectors);
                const auto blocks = std::min<std::int64_t>(grid.blocks, tiles);
                kernel<<<static_cast<unsigned>(blocks), grid.threads, 0, how.stream>>>(
                    inbox, pieces, sum.in.data, sum.out.data, tiles);
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
