#pragma once

#include "kernels/runtime/device.hpp"
#include "kernels/runtime/push_plan.hpp"
#include "kernels/runtime/weighted_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace moe {

/// One block of memory on each of several ranks, as one of them reaches it.
struct PeerTable {
    std::span<std::byte* const> data;  ///< [ranks] the blocks; this rank's own is among them
    /// [ranks] where each rank is told that others have come: how many words, the backend knows
    std::span<std::uint32_t* const> flags;
    /// In memory of this rank alone, where a kernel keeps count for itself, so that a graph can
    /// replay it; null where the host counts. All kernels on one table share them.
    std::uint32_t* epochs{};
    int rank{};

    [[nodiscard]] int ranks() const { return static_cast<int>(data.size()); }
};

/// The rows that this rank owns of a matrix that all ranks have a block for.
struct OwnRows {
    Matrix rows;                 ///< of this rank, in memory that need not reach further
    std::size_t offset{};        ///< bytes into each rank's block, where these rows lie
    std::int64_t most_rows{};    ///< of any rank: the same on all, by it they choose as many blocks
    const ResidualNorm* norm{};  ///< of a pull_sum; see OwnersPass
};

/// Blocks into which ranks write for each other: two in turns, each with a slot for every rank. Of
/// one kernel alone, and filled with zeros before its first call.
struct PushInbox {
    PeerTable table;
    std::size_t slot_bytes{};  ///< see PushInbox::slot_for

    /// Of a slot for matrices of `bytes` bytes or less; never none.
    [[nodiscard]] static std::size_t slot_for(std::size_t bytes) {
        constexpr std::size_t kLine = 64;
        return std::max<std::size_t>((bytes + kLine - 1) / kLine, 1) * kLine;
    }
    /// Of a rank's block.
    [[nodiscard]] static std::size_t bytes_for(int ranks, std::size_t bytes) {
        return 2 * static_cast<std::size_t>(ranks) * slot_for(bytes);
    }
    /// Where rank `source` writes to rank `owner` in call `epoch`. Two blocks suffice, since every
    /// rank hears from every other in each call: what comes in call e + 1 shows that its sender is
    /// done with call e, and with it the owner's block of that call is free for call e + 2.
    [[nodiscard]] std::byte* slot(int owner, int source, std::uint32_t epoch) const {
        const auto half = (epoch % 2) * static_cast<std::size_t>(table.ranks());
        return table.data[static_cast<std::size_t>(owner)] +
               (half + static_cast<std::size_t>(source)) * slot_bytes;
    }
};

/// What ranks bring to a reduce_scatterv, and what one of them takes.
struct PushSum {
    Matrix in;  ///< partial sums of all rows
    const PushPlan& plan;
    /// [ranks] bytes of half an inbox, the same in all calls: the most that plan.half_bytes() is in
    /// any
    std::span<const std::size_t> half_bytes;
    Matrix out;                  ///< this rank's rows
    const ResidualNorm* norm{};  ///< see OwnersPass
};

/// The same of weighted rows, whose weighted sums are the partial sums.
struct PushWeightedSum {
    WeightedRows rows;  ///< of all ranks' rows
    Matrix dense;
    const PushPlan& plan;  ///< of rows of inbox_row_bytes()
    std::span<const std::size_t> half_bytes;
    Matrix out;
    const ResidualNorm* norm{};  ///< see OwnersPass

    /// Bytes that a row takes in an inbox: whole vectors, and one more where there may stand
    /// whether it has come.
    [[nodiscard]] static std::size_t inbox_row_bytes(std::size_t row_bytes) {
        constexpr auto kVector = PushPlan::kVector;
        return (row_bytes + kVector - 1) / kVector * kVector + kVector;
    }
};

/// This rank's rows of weighted rows that every rank has in its block of a table, all alike: `rows`
/// and `dense` are where this rank's lie there.
struct PullWeightedSum {
    WeightedRows rows;  ///< of all ranks' rows
    Matrix dense;
    std::int64_t first{};        ///< of this rank's rows, among all
    Matrix out;                  ///< this rank's rows, in memory that need not reach further
    std::int64_t most_rows{};    ///< see OwnRows
    const ResidualNorm* norm{};  ///< see OwnersPass
};

/// The passes that complete a rank's own rows. Each takes a `norm` where PeerKernels::can_norm says
/// so: what it then does to every row that is complete is Device::residual_norm, to the bit.
/// norm->rows are the rows that the pass writes. On all ranks or on none; null: sums are all.
enum class OwnersPass : std::uint8_t { pull_sum, push_sum, push_weighted_sum, pull_weighted_sum };

/// Kernels that read and write other ranks' memory themselves. Plain pointers only. Stream-ordered;
/// all ranks of a table call in the same order, none allocates. A rank waits in them until all
/// others have come: on the host however long that takes, since whoever watches the ranks ends a
/// job that is stuck; on a device for a bounded time, after which the backend has a failure.
class PeerKernels {
public:
    virtual ~PeerKernels() = default;

    /// Whether a pass takes a norm of rows of `row_bytes` bytes, of which an owner has `most_rows`
    /// at most: the same on all ranks.
    [[nodiscard]] virtual bool can_norm(OwnersPass pass, std::size_t row_bytes,
                                        std::int64_t most_rows) const = 0;

    /// What any rank enqueued before it is seen by what any rank enqueues after it.
    virtual void barrier(const PeerTable& table, Stream& stream) = 0;
    /// to.rows = the sum of what lies at to.offset in each rank's block, added in f32 in the order
    /// of the ranks and rounded once. A barrier before, since all blocks must be written, and one
    /// after, since all may be written again.
    virtual void pull_sum(const PeerTable& table, const OwnRows& to, Stream& stream) = 0;
    /// sum.out = the sum of this rank's rows of all ranks' partial sums, added as pull_sum does:
    /// every rank writes each piece of the plan into its helper's inbox, and helpers forward what
    /// is not their own. The inbox is of two halves as the plan has them, of this kernel alone, and
    /// zeros before the first call. On a device no barrier: words carry their own news.
    virtual void push_sum(const PeerTable& inbox, const PushSum& sum, Stream& stream) = 0;
    /// The same where a rank's partial sums are made on the way: what it has no entries for is not
    /// sent. Each partial sum is rounded once, as Device::weighted_sum does it, before they are
    /// added.
    virtual void push_weighted_sum(const PeerTable& inbox, const PushWeightedSum& sum,
                                   Stream& stream) = 0;
    /// The same sums, to the bit, by each owner: it reads the entries that every rank has for its
    /// rows, and their dense rows, where they lie. A barrier before and one after, as in pull_sum.
    virtual void pull_weighted_sum(const PeerTable& table, const PullWeightedSum& sum,
                                   Stream& stream) = 0;
    /// Writes from.rows to from.offset in each rank's block. A barrier before, since all blocks may
    /// still be read, and one after, since all must be written.
    virtual void push_copy(const PeerTable& table, const OwnRows& from, Stream& stream) = 0;

    // Every rank ends with the sum of all ranks' matrices, added as pull_sum does, so that all have
    // the same bits. Matrices begin at a multiple of 16 bytes.

    /// One shot, push: every rank writes `in` into all others' inboxes, and adds what has come to
    /// its own. `in` may be `out`. On a device no barrier: words carry their own news.
    virtual void all_reduce_push(const PushInbox& inbox, const Matrix& in, const Matrix& out,
                                 Stream& stream) = 0;
    /// One shot, pull: every rank reads what lies where its block begins in all ranks', shaped like
    /// `out`. A barrier before and after.
    virtual void all_reduce_one_shot(const PeerTable& in, const Matrix& out, Stream& stream) = 0;
    /// Two shots, pull: every rank adds up a part of what lies where the blocks begin, and leaves
    /// it at the beginning of its block of `parts` (see two_shot_part_bytes), from where all read
    /// it. `out` may be where this rank's block of `in` begins. A barrier before, one in between.
    virtual void all_reduce_two_shot(const PeerTable& in, const PeerTable& parts, const Matrix& out,
                                     Stream& stream) = 0;
    [[nodiscard]] static std::size_t two_shot_part_bytes(int ranks, std::size_t bytes) {
        constexpr std::size_t kVector = 16;
        const auto vectors = (bytes + kVector - 1) / kVector;
        const auto count = static_cast<std::size_t>(ranks);
        return (vectors + count - 1) / count * kVector;
    }
};

}  // namespace moe
