#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace moe {

/// Who adds up an owner's rows. direct: the owner. balanced: ranks with few rows of their own help
/// owners of many, and forward each sum to its owner, so that no rank takes in much more than all
/// ranks send on average; with two ranks that is direct.
enum class PushShape : std::uint8_t { direct, balanced };
[[nodiscard]] std::string_view to_string(PushShape shape);

/// Rows of one owner that one rank adds up, in bytes.
struct PushPiece {
    int owner{}, helper{};
    std::size_t offset{};      ///< into each rank's partial sums, where the rows lie
    std::size_t bytes{};       ///< none where a rank has nothing to add and is to be heard of
    std::size_t in_slot{};     ///< into each source's slot in the helper's inbox
    std::size_t in_own{};      ///< into the owner's rows
    std::size_t in_forward{};  ///< into the owner's part for forwarded sums

    [[nodiscard]] bool forwarded() const { return owner != helper; }
};

/// The pieces of one reduce_scatterv, the same on all ranks, and where they lie in inboxes. A half
/// of an inbox, one for each of two calls in turn: a slot for each source, then the part for
/// forwarded sums.
class PushPlan {
public:
    /// Alignment of pieces in an inbox: what one access of a device moves.
    static constexpr std::size_t kVector = 16;

    /// first [ranks + 1]: rank r owns the rows from first[r] on, of `row_bytes` bytes each.
    PushPlan(PushShape shape, std::span<const std::int64_t> first, std::size_t row_bytes);

    [[nodiscard]] int ranks() const { return static_cast<int>(rooms_.size()); }
    /// Ordered by helpers, of whom each has one at least.
    [[nodiscard]] std::span<const PushPiece> pieces() const { return pieces_; }
    [[nodiscard]] bool forwards() const;

    [[nodiscard]] std::size_t slot_bytes(int rank) const { return room(rank).slot; }
    [[nodiscard]] std::size_t forward_at(int rank) const { return room(rank).slot * rooms_.size(); }
    /// Of an inbox, whole cache lines.
    [[nodiscard]] std::size_t half_bytes(int rank) const;

    /// Bytes that a rank adds up, is forwarded, and forwards.
    [[nodiscard]] std::int64_t added_bytes(int rank) const;
    [[nodiscard]] std::int64_t forwarded_to(int rank) const;
    [[nodiscard]] std::int64_t forwarded_by(int rank) const;
    /// Bytes that come to the rank to which most come.
    [[nodiscard]] std::int64_t largest_ingress() const;

private:
    struct Room {
        std::size_t slot{}, forward{};
    };
    [[nodiscard]] const Room& room(int rank) const {
        return rooms_[static_cast<std::size_t>(rank)];
    }
    template <class Of>
    [[nodiscard]] std::int64_t bytes_of(Of&& of) const;

    std::vector<PushPiece> pieces_;
    std::vector<Room> rooms_;
};

}  // namespace moe
