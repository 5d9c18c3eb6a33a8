#pragma once

#include "kernels/runtime/peer_kernels.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace moe {

/// The pieces of one push on cores, where they lie, and in which order each rank sends them.
struct PushCall {
    const PeerTable& inbox;
    const PushPlan& plan;
    std::span<const std::size_t> half_bytes;
    std::uint32_t epoch;

    [[nodiscard]] std::byte* slot(const PushPiece& piece, int source) const {
        return half(piece.helper, epoch) +
               static_cast<std::size_t>(source) * plan.slot_bytes(piece.helper) + piece.in_slot;
    }
    /// In the other half, which all have read: ranks that are ahead write to this one while owners
    /// still read what was forwarded.
    [[nodiscard]] std::byte* forwarded(const PushPiece& piece) const {
        return half(piece.owner, epoch + 1) + plan.forward_at(piece.owner) + piece.in_forward;
    }
    /// Pieces that others add up. Each rank begins behind its own, so that not all write to the
    /// same one at a time.
    template <class Visit>
    void for_each_to_send(Visit&& visit) const {
        const auto pieces = plan.pieces();
        const auto own = std::ranges::lower_bound(pieces, inbox.rank, {}, &PushPiece::helper);
        const auto next = std::ranges::upper_bound(pieces, inbox.rank, {}, &PushPiece::helper);
        std::for_each(next, pieces.end(), visit);
        std::for_each(pieces.begin(), own, visit);
    }
    /// Bytes of the pieces that `source` comes to before this one, in that order; its own come
    /// last.
    [[nodiscard]] std::size_t bytes_before(const PushPiece& piece, int source) const {
        const auto turn = [&](const PushPiece& one) {
            return (one.helper - source - 1 + plan.ranks()) % plan.ranks();
        };
        std::size_t bytes = 0;
        for (const auto& other : plan.pieces()) {
            const bool earlier = turn(other) == turn(piece) ? other.in_slot < piece.in_slot
                                                            : turn(other) < turn(piece);
            if (earlier) bytes += other.bytes;
        }
        return bytes;
    }
    template <class Visit>
    void for_each_to_add(Visit&& visit) const {
        for (const auto& piece : plan.pieces()) {
            if (piece.helper == inbox.rank) visit(piece);
        }
    }
    template <class Visit>
    void for_each_to_take(Visit&& visit) const {
        for (const auto& piece : plan.pieces()) {
            if (piece.forwarded() && piece.owner == inbox.rank) visit(piece);
        }
    }

private:
    [[nodiscard]] std::byte* half(int rank, std::uint32_t call) const {
        const auto at = static_cast<std::size_t>(rank);
        return inbox.data[at] + (call % 2) * half_bytes[at];
    }
};

}  // namespace moe
