#include "kernels/runtime/push_plan.hpp"

#include <algorithm>

namespace moe {
namespace {

std::size_t rounded_up(std::size_t bytes, std::size_t unit) {
    return (bytes + unit - 1) / unit * unit;
}

/// Rows that each rank adds up for itself, and for others.
class Shares {
public:
    explicit Shares(std::span<const std::int64_t> first)
        : ranks_(first.size() - 1), helped_(ranks_ * ranks_) {
        for (std::size_t rank = 0; rank < ranks_; ++rank) {
            rows(rank, rank) = first[rank + 1] - first[rank];
        }
    }

    [[nodiscard]] std::int64_t& rows(std::size_t owner, std::size_t helper) {
        return helped_[owner * ranks_ + helper];
    }

    /// Moves rows of owners to whom more would come than a rank that owns least sends. A row takes
    /// in all other ranks' partial sums where it is added up, and one sum more at its owner where
    /// that is elsewhere.
    void balance() {
        if (ranks_ < 3) return;
        std::vector<std::int64_t> owned;
        std::int64_t total = 0;
        for (std::size_t rank = 0; rank < ranks_; ++rank) {
            owned.push_back(rows(rank, rank));
            total += owned.back();
        }
        const auto others = static_cast<std::int64_t>(ranks_) - 1;
        const auto level = total - std::ranges::min(owned);
        std::vector<std::int64_t> room;
        for (const auto rows : owned) {
            room.push_back(
                std::max<std::int64_t>((level - others * rows + others - 1) / others, 0));
        }
        for (std::size_t owner = 0; owner < ranks_; ++owner) {
            if (others * owned[owner] <= level) continue;
            const auto kept = std::max<std::int64_t>((level - owned[owner]) / (others - 1), 0);
            auto surplus = owned[owner] - kept;
            for (std::size_t helper = 0; helper < ranks_ && surplus > 0; ++helper) {
                const auto moved = std::min(surplus, room[helper]);
                rows(owner, helper) += moved;
                rows(owner, owner) -= moved;
                room[helper] -= moved;
                surplus -= moved;
            }
        }
    }

private:
    std::size_t ranks_;
    std::vector<std::int64_t> helped_;  ///< [owner][helper]
};

}  // namespace

std::string_view to_string(PushShape shape) {
    return shape == PushShape::direct ? "direct" : "balanced";
}

PushPlan::PushPlan(PushShape shape, std::span<const std::int64_t> first, std::size_t row_bytes)
    : rooms_(first.size() - 1) {
    Shares shares(first);
    if (shape == PushShape::balanced) shares.balance();
    std::vector<std::size_t> done(rooms_.size());  // bytes of each owner's rows
    for (std::size_t helper = 0; helper < rooms_.size(); ++helper) {
        auto& slot = rooms_[helper].slot;
        for (std::size_t owner = 0; owner < rooms_.size(); ++owner) {
            const auto bytes = static_cast<std::size_t>(shares.rows(owner, helper)) * row_bytes;
            if (bytes == 0) continue;
            auto& forward = rooms_[owner].forward;
            pieces_.push_back(
                {.owner = static_cast<int>(owner),
                 .helper = static_cast<int>(helper),
                 .offset = static_cast<std::size_t>(first[owner]) * row_bytes + done[owner],
                 .bytes = bytes,
                 .in_slot = slot,
                 .in_own = done[owner],
                 .in_forward = forward});
            slot += rounded_up(bytes, kVector);
            done[owner] += bytes;
            if (pieces_.back().forwarded()) forward += rounded_up(bytes, kVector);
        }
        if (slot > 0) continue;
        pieces_.push_back({.owner = static_cast<int>(helper), .helper = static_cast<int>(helper)});
        slot = kVector;
    }
}

bool PushPlan::forwards() const {
    return std::ranges::any_of(pieces_, &PushPiece::forwarded);
}

std::size_t PushPlan::half_bytes(int rank) const {
    constexpr std::size_t kLine = 64;
    return rounded_up(forward_at(rank) + room(rank).forward, kLine);
}

template <class Of>
std::int64_t PushPlan::bytes_of(Of&& of) const {
    std::size_t bytes = 0;
    for (const auto& piece : pieces_) bytes += of(piece) ? piece.bytes : 0;
    return static_cast<std::int64_t>(bytes);
}

std::int64_t PushPlan::added_bytes(int rank) const {
    return bytes_of([&](const PushPiece& piece) { return piece.helper == rank; });
}

std::int64_t PushPlan::forwarded_to(int rank) const {
    return bytes_of(
        [&](const PushPiece& piece) { return piece.forwarded() && piece.owner == rank; });
}

std::int64_t PushPlan::forwarded_by(int rank) const {
    return bytes_of(
        [&](const PushPiece& piece) { return piece.forwarded() && piece.helper == rank; });
}

std::int64_t PushPlan::largest_ingress() const {
    std::int64_t most = 0;
    for (int rank = 0; rank < ranks(); ++rank) {
        most = std::max(most, (std::int64_t{ranks()} - 1) * added_bytes(rank) + forwarded_to(rank));
    }
    return most;
}

}  // namespace moe
