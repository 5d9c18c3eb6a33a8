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

/// Turns go round the blocks. In a turn a block sends the part of each piece that is due (PlanView),
/// to all helpers before the next turn, adds up its own pieces' parts of one turn before, and takes
/// what was forwarded of one more before: what comes is then there, or on its way, and no rank waits
/// for one that waits for it. send, look, add and take get a piece and a part of it; add comes after
/// a look. Not kPaced: part n of each piece is due in turn n, also where that is behind its end.
template <bool kPaced, class Send, class Look, class Add, class Take>
__device__ void push_in_turns(const PlanView<SumPiece>& plan, Send&& send, Look&& look, Add&& add,
                              Take&& take) {
    const auto part_in = [&](const SumPiece& piece, int turn) {
        return kPaced ? plan.part(piece, turn) : turn;
    };
    const auto send_all = [&](int turn) {
#pragma unroll 1
        for (int n = 0; n < plan.sends(); ++n) {
            const auto& piece = plan.to_send(n);
            const auto part = part_in(piece, turn);
            if (part >= 0) send(piece, part);
        }
    };
    const auto& own = plan.at[plan.first];
    const auto add_from = [&](int first, int turn) {  // of its own pieces
#pragma unroll 1
        for (int i = first; i < plan.own; ++i) {
            const auto& piece = plan.at[plan.first + i];
            const auto part = part_in(piece, turn);
            if (part < 0) continue;
            look(piece, part);
            add(piece, part);
        }
    };
    const auto take_all = [&](int turn) {
        if (turn < 0) return;
#pragma unroll 1
        for (int i = 0; i < plan.takes; ++i) {
            const auto& piece = plan.at[plan.taken[i]];
            const auto part = part_in(piece, turn);
            if (part >= 0) take(piece, part);
        }
    };
    const int stride = static_cast<int>(gridDim.x);
    int turn = static_cast<int>(blockIdx.x);
    for (; turn < plan.turns; turn += stride) {
        const auto before = turn - stride;
        const auto part = before >= 0 ? part_in(own, before) : -1;
        // Before what is sent: loads would stand behind stores that a full link holds up.
        if (part >= 0) look(own, part);
        send_all(turn);
        if (part >= 0) add(own, part);
        if (before >= 0) add_from(1, before);
        take_all(before - stride);
    }
    add_from(0, turn - stride);
    take_all(turn - 2 * stride);
    take_all(turn - stride);
}

}  // namespace moe::cuda
