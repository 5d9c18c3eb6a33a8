// A PushPlan as kernels take it, from one rank's view.
#pragma once

#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/peer.hpp"
#include "kernels/runtime/push_plan.hpp"

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

/// Where a PushPiece lies in inboxes.
struct PiecePlace {
    std::int64_t in_slot, in_forward;
    int owner, helper;
};

/// Piece derives from PiecePlace and adds what a kernel knows of a piece.
template <class Piece>
struct PlanView {
    Piece at[kMaxPieces];
    int count;
    int first, own;  ///< pieces that this rank adds up: at[first] and own - 1 after it
    bool takes;      ///< whether sums are forwarded to this rank
    std::int64_t half_bytes[kMaxPeers];
    std::int64_t slot_bytes[kMaxPeers];

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
        view.takes |= piece.forwarded() && piece.owner == rank;
        auto& made = view.at[view.count++];
        made = make(piece);
        made.in_slot = static_cast<std::int64_t>(piece.in_slot);
        made.in_forward = static_cast<std::int64_t>(piece.in_forward);
        made.owner = piece.owner;
        made.helper = piece.helper;
    }
    for (int peer = 0; peer < plan.ranks(); ++peer) {
        view.half_bytes[peer] =
            static_cast<std::int64_t>(half_bytes[static_cast<std::size_t>(peer)]);
        view.slot_bytes[peer] = static_cast<std::int64_t>(plan.slot_bytes(peer));
    }
    return view;
}

}  // namespace moe::cuda
