// The reduce_scatterv that no library has, in one kernel: every rank writes each owner's rows into
// the inbox of the rank that adds them up, the owner or one that helps it, and adds what has come
// for its own plan. The floor is the link: what a rank sends, or takes in, over the write
// bandwidth both ways; below a MiB it is the time in which a word crosses.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/lamport.cuh"
#include "kernels/cuda/peer_launch.hpp"
#include "kernels/cuda/push_plan.cuh"

#include <algorithm>

namespace moe::cuda {
namespace {

constexpr int kMostThreads = 512;
constexpr std::int64_t kVector{PushPlan::kVector};
static_assert(kVector == kVectorBytes);

/// Blocks where a GPU is one rank's alone. Those that find no room queue up: all wait for none but
/// blocks of their own number, which begin in the order of numbers on every GPU. So multiprocessors
/// do not keep step, and the link always has something to carry.
constexpr int kMostBlocks = 1024;
static_assert(kMostBlocks <= kMaxEpochs);
/// Vectors of each source that a thread has in flight where blocks cannot queue and each has many.
template <int Most>
constexpr int kManyVectors = std::max(8 / Most, 1);
/// Blocks that share a multiprocessor at least, as registers allow.
template <int Most, int kUnroll>
constexpr int kMinBlocks = Most == 2 && kUnroll == 1 ? 2 : 1;

/// A piece of no bytes travels as one vector, since every rank has to hear from every other in each
/// call.
struct Piece : PiecePlace {
    std::int64_t offset, bytes, in_own;

    [[nodiscard]] __host__ __device__ std::int64_t vectors() const {
        const auto count = (bytes + kVector - 1) / kVector;
        return count > 0 ? count : 1;
    }
};

/// Tiles of blockDim.x * kUnroll vectors of each piece go round the blocks. A block sends tile
/// after tile, each to all helpers before the next one, adds up its own pieces one tile behind, and
/// takes what was forwarded one more behind: what comes is then there, or on its way, and no rank
/// waits for one that waits for it.
template <class T, bool Wide, int Most, int kUnroll>
__global__ void __launch_bounds__(kMostThreads, kMinBlocks<Most, kUnroll>)
    push_sum(const __grid_constant__ Peers peers, const __grid_constant__ PlanView<Piece> plan,
             const std::byte* in, std::byte* out, std::int64_t tiles) {
    using V = Vector<T, kWide<T>>;
    const auto epoch = epoch_of(peers);
    const int me = peers.rank;
    const auto slot = [&](const Piece& piece, int source) {
        return plan.slot(peers, epoch, piece, source);
    };
    const auto forward = [&](const Piece& piece) { return plan.forward(peers, epoch, piece); };
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
#pragma unroll 1
        for (int n = 0; n < plan.count - plan.own; ++n) send(plan.to_send(n), tile);
    };
    const auto add_all = [&](std::int64_t tile) {  // after a look at the first
        add(plan.at[plan.first], tile);
#pragma unroll 1
        for (int i = 1; i < plan.own; ++i) {
            look(plan.at[plan.first + i], tile);
            add(plan.at[plan.first + i], tile);
        }
    };
    const auto take_all = [&](std::int64_t tile) {
        if (!plan.takes || tile < 0) return;
#pragma unroll 1
        for (int i = 0; i < plan.count; ++i) {
            const auto& piece = plan.at[i];
            if (piece.owner == me && piece.helper != me) take_forwarded(piece, tile);
        }
    };
    const std::int64_t stride = gridDim.x;
    std::int64_t tile = blockIdx.x;
    for (; tile < tiles; tile += stride) {
        // Before what is sent: loads would stand behind stores that a full link holds up.
        if (tile >= stride) look(plan.at[plan.first], tile - stride);
        send_all(tile);
        if (tile >= stride) add_all(tile - stride);
        take_all(tile - 2 * stride);
    }
    look(plan.at[plan.first], tile - stride);
    add_all(tile - stride);
    take_all(tile - 2 * stride);
    take_all(tile - stride);
    advance_to(peers, epoch + 1);
}

}  // namespace

void launch_push_sum(const Peers& inbox, const PushSum& sum, const PeerLaunch& how) {
    const auto plan =
        view_of<Piece>(inbox.rank, sum.plan, sum.half_bytes, [](const PushPiece& piece) {
            Piece made{};
            made.offset = static_cast<std::int64_t>(piece.offset);
            made.bytes = static_cast<std::int64_t>(piece.bytes);
            made.in_own = static_cast<std::int64_t>(piece.in_own);
            return made;
        });
    std::int64_t most = 0;
    for (int i = 0; i < plan.count; ++i) most = std::max(most, plan.at[i].vectors());
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
                    inbox, plan, sum.in.data, sum.out.data, tiles);
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
