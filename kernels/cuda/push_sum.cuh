// What a reduce_scatterv by push is made of: what a block sends, adds up and takes of some vectors
// of a piece, and in which order it does so.
#pragma once

#include "kernels/cuda/lamport.cuh"
#include "kernels/cuda/push_plan.cuh"
#include "kernels/runtime/peer_kernels.hpp"

#include <cstdint>

namespace moe::cuda {

/// A piece of partial sums. One of no bytes travels as one vector, since every rank has to hear
/// from every other in each call.
struct SumPiece : PiecePlace {
    std::int64_t offset, bytes, in_own;

    [[nodiscard]] __host__ __device__ std::int64_t vectors() const {
        constexpr std::int64_t kVector{PushPlan::kVector};
        const auto count = (bytes + kVector - 1) / kVector;
        return count > 0 ? count : 1;
    }
};
static_assert(PushPlan::kVector == kVectorBytes);

inline PlanView<SumPiece> sum_view_of(int rank, const PushSum& sum) {
    return view_of<SumPiece>(rank, sum.plan, sum.half_bytes, [](const PushPiece& piece) {
        SumPiece made{};
        made.offset = static_cast<std::int64_t>(piece.offset);
        made.bytes = static_cast<std::int64_t>(piece.bytes);
        made.in_own = static_cast<std::int64_t>(piece.in_own);
        return made;
    });
}

/// Vectors of a piece that a block has at once: kUnroll for each thread, first + threadIdx.x,
/// blockDim.x further, and so on, those below `end`.
struct Stretch {
    std::int64_t first, end;
};

/// A block's work on stretches, in one call. Where rows are Wide they end with a whole vector.
template <class T, bool Wide, int Most, int kUnroll>
class SumPush {
public:
    using V = Vector<T, kWide<T>>;

    __device__ SumPush(const Peers& peers, const PlanView<SumPiece>& plan, const std::byte* in,
                       std::uint32_t epoch)
        : peers_(peers), plan_(plan), in_(in), epoch_(epoch) {}

    __device__ void send(const SumPiece& piece, const Stretch& stretch) const {
        auto* to = slot(piece, peers_.rank);
        V value[kUnroll];
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
            const auto i = vector_of(stretch, u);
            if (i < stretch.end) value[u] = load(piece, i);
        }
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
            const auto i = vector_of(stretch, u);
            if (i < stretch.end) post(to, i, value[u]);
        }
    }
    /// Loads what add() of the stretch adds up: this rank's own, and what has come by now.
    __device__ void look(const SumPiece& piece, const Stretch& stretch) {
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
            const auto i = vector_of(stretch, u);
            if (i >= stretch.end) break;
            own_[u] = load(piece, i);
#pragma unroll
            for (int source = 0; source < Most; ++source) {
                if (source < peers_.ranks && source != peers_.rank) {
                    seen_[u][source] =
                        load_relaxed(reinterpret_cast<const uint4*>(slot(piece, source)) + i);
                }
            }
        }
    }
    /// store(u, i, sum) of each vector of this rank's rows; others' sums are forwarded.
    template <class Store>
    __device__ void add(const SumPiece& piece, const Stretch& stretch, Store&& store) {
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
            const auto i = vector_of(stretch, u);
            if (i >= stretch.end) break;
            VectorSum<T, kWide<T>> sum;
#pragma unroll
            for (int source = 0; source < Most; ++source) {
                if (source >= peers_.ranks) break;
                sum.add(source == peers_.rank ? own_[u]
                                              : take<V>(peers_, slot(piece, source), i,
                                                        seen_[u][source], source, epoch_));
            }
            if (piece.owner == peers_.rank) {
                store(u, i, sum.rounded());
            } else {
                post(forward(piece), i, sum.rounded());
            }
        }
    }
    /// store(i, sum) of each vector that a helper has forwarded.
    template <class Store>
    __device__ void take_forwarded(const SumPiece& piece, const Stretch& stretch,
                                   Store&& store) const {
#pragma unroll 1
        for (int u = 0; u < kUnroll; ++u) {
            const auto i = vector_of(stretch, u);
            if (i >= stretch.end) break;
            auto* from = forward(piece);
            const auto seen = load_relaxed(reinterpret_cast<const uint4*>(from) + i);
            store(i, take<V>(peers_, from, i, seen, piece.helper, epoch_));
        }
    }

private:
    [[nodiscard]] static __device__ std::int64_t vector_of(const Stretch& stretch, int u) {
        return stretch.first + static_cast<std::int64_t>(u) * blockDim.x + threadIdx.x;
    }
    [[nodiscard]] __device__ std::byte* slot(const SumPiece& piece, int source) const {
        return plan_.slot(peers_, epoch_, piece, source);
    }
    [[nodiscard]] __device__ std::byte* forward(const SumPiece& piece) const {
        return plan_.forward(peers_, epoch_, piece);
    }
    [[nodiscard]] __device__ V load(const SumPiece& piece, std::int64_t i) const {
        if constexpr (Wide) {
            return piece.bytes > 0 ? reinterpret_cast<const V*>(in_ + piece.offset)[i] : V{};
        } else {
            return load_padded<T, false>(in_ + piece.offset, i, piece.bytes);
        }
    }

    const Peers& peers_;
    const PlanView<SumPiece>& plan_;
    const std::byte* in_;
    std::uint32_t epoch_;
    uint4 seen_[kUnroll][Most];
    V own_[kUnroll];
};

/// Tiles of each piece go round the blocks. A block sends tile after tile, each to all helpers
/// before the next one, adds up its own pieces one tile behind, and takes what was forwarded one
/// more behind: what comes is then there, or on its way, and no rank waits for one that waits for
/// it. send, look, add and take get a piece and a tile of it, which may lie behind its end; add
/// comes after a look.
template <class Send, class Look, class Add, class Take>
__device__ void push_in_turns(const PlanView<SumPiece>& plan, int me, std::int64_t tiles,
                              Send&& send, Look&& look, Add&& add, Take&& take) {
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
            if (piece.owner == me && piece.helper != me) take(piece, tile);
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
}

}  // namespace moe::cuda
