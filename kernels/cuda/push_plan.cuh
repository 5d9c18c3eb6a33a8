// A PushPlan as kernels take it, from one rank's view.
#pragma once

#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/peer.hpp"
#include "kernels/cuda/vector.cuh"
#include "kernels/runtime/push_plan.hpp"

#include <algorithm>
#include <cstdint>
#include <span>

namespace moe::cuda {

/// Blocks where a GPU is one rank's alone. Those that find no room queue up: all wait for none but
/// blocks of their own number, which begin in the order of numbers on every GPU. So multiprocessors
/// do not keep step, and the link always has something to carry.
constexpr int kMostPushBlocks = 1024;
static_assert(kMostPushBlocks <= kMaxEpochs);

/// Pieces of a plan for kMaxPeers ranks at most: each rank's own, and those that fill helpers'
/// room.
constexpr int kMaxPieces = 2 * kMaxPeers;

/// Turns of a call; behind the last one workers go on for some rounds.
constexpr int kMostTurns = 1 << 30;

/// Where a PushPiece lies in inboxes.
struct PiecePlace {
    std::int64_t in_slot, in_forward;
    std::uint32_t pace;  ///< parts that a turn has, in 2^-32; 0: one
    std::int16_t owner, helper;
};

/// Piece derives from PiecePlace and adds what a kernel knows of a piece. Parameters of a kernel come
/// through a cache by lines: what all need of them lies together.
template <class Piece>
struct PlanView {
    Piece at[kMaxPieces];
    int count;
    int first, own;  ///< pieces that this rank adds up: at[first] and own - 1 after it
    int takes;       ///< pieces whose sums are forwarded to this rank: at[taken[0]] and so on
    int turns;
    bool even;  ///< whether each piece has a part in every turn
    std::int64_t half_bytes[kMaxPeers];
    std::int64_t slot_bytes[kMaxPeers];
    std::int8_t taken[kMaxPieces];

    /// Spreads the parts of each piece, parts_of(piece), over as many turns as the longest piece has
    /// parts: all pieces end together, and meanwhile no rank takes in more than its share.
    template <class Parts>
    void set_pace(Parts&& parts_of) {
        std::int64_t most = 0;
        for (int i = 0; i < count; ++i) most = std::max<std::int64_t>(most, parts_of(at[i]));
        MOE_EXPECT(most <= kMostTurns, "more parts than a call can have");
        turns = static_cast<int>(most);
        even = true;
        for (int i = 0; i < count; ++i) {
            const std::int64_t parts = parts_of(at[i]);
            even = even && parts == most;
            // Rounded up, so that no part is left over.
            at[i].pace = static_cast<std::uint32_t>(ceil_div(parts << 32, most));
        }
    }
    /// The part of a piece that is due in a turn; -1: none.
    [[nodiscard]] __device__ int part(const PiecePlace& piece, int turn) const {
        if (even || piece.pace == 0) return turn;
        const auto until = std::uint64_t{static_cast<std::uint32_t>(turn)} * piece.pace;
        const auto due = static_cast<int>(until >> 32U);
        return static_cast<int>((until + piece.pace) >> 32U) > due ? due : -1;
    }
    /// Pieces that this rank sends.
    [[nodiscard]] __host__ __device__ int sends() const { return count - own; }
    /// The n-th piece to send, beginning with the next rank's, so that not all ranks send to one at
    /// a time.
    [[nodiscard]] __device__ const Piece& to_send(int n) const {
        const int turn = first + own + n;
        return at[turn < count ? turn : turn - count];
    }
    [[nodiscard]] __device__ std::byte* slot(const Peers& peers, std::uint32_t epoch,
                                             const PiecePlace& piece, int source) const {
        return half(peers, epoch, piece.helper) + source * slot_bytes[piece.helper] + piece.in_slot;
    }
    [[nodiscard]] __device__ std::byte* forward(const Peers& peers, std::uint32_t epoch,
                                                const PiecePlace& piece) const {
        return half(peers, epoch, piece.owner) + peers.ranks * slot_bytes[piece.owner] +
               piece.in_forward;
    }

private:
    [[nodiscard]] __device__ std::byte* half(const Peers& peers, std::uint32_t epoch,
                                             int rank) const {
        return peers.data[rank] + epoch % 2 * half_bytes[rank];
    }
};

/// half_bytes: see PushSum. make(const PushPiece&): a Piece without its place.
template <class Piece, class Make>
PlanView<Piece> view_of(int rank, const PushPlan& plan, std::span<const std::size_t> half_bytes,
                        Make&& make) {
    MOE_EXPECT(plan.pieces().size() <= kMaxPieces, "more pieces than a kernel's parameters hold");
    PlanView<Piece> view{};
    for (const auto& piece : plan.pieces()) {
        if (piece.helper < rank) ++view.first;
        if (piece.helper == rank) ++view.own;
        if (piece.forwarded() && piece.owner == rank) {
            view.taken[view.takes++] = static_cast<std::int8_t>(view.count);
        }
        auto& made = view.at[view.count++];
        made = make(piece);
        made.in_slot = static_cast<std::int64_t>(piece.in_slot);
        made.in_forward = static_cast<std::int64_t>(piece.in_forward);
        made.owner = static_cast<std::int16_t>(piece.owner);
        made.helper = static_cast<std::int16_t>(piece.helper);
    }
    for (int peer = 0; peer < plan.ranks(); ++peer) {
        view.half_bytes[peer] =
            static_cast<std::int64_t>(half_bytes[static_cast<std::size_t>(peer)]);
        view.slot_bytes[peer] = static_cast<std::int64_t>(plan.slot_bytes(peer));
    }
    return view;
}

}  // namespace moe::cuda
