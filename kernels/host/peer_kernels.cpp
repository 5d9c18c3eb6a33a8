#include "kernels/host/peer_kernels.hpp"

#include "kernels/host/residual_norm.hpp"
#include "kernels/host/stream_copy.hpp"
#include "kernels/host/sum.hpp"
#include "kernels/host/weighted_sum.hpp"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

namespace moe {
namespace {

/// Looks at a flag before a wait counts as long: some microseconds, which is what ranks that have a
/// core each are apart.
constexpr int kSpins = 4096;
/// Of sums that a core's second cache still has when the last of them is complete.
constexpr std::int64_t kCachedBytes = std::int64_t{64} << 10U;

class HostPeerKernels final : public PeerKernels {
public:
    explicit HostPeerKernels(std::function<void()> idle) : idle_(std::move(idle)) {}

    [[nodiscard]] bool can_norm(OwnersPass /*pass*/, std::size_t /*row_bytes*/) const override {
        return true;
    }

    void barrier(const PeerTable& table, Stream& /*stream*/) override {
        const auto own = static_cast<std::size_t>(table.rank);
        const std::atomic_ref mine(*table.flags[own]);
        const auto epoch = mine.load(std::memory_order_relaxed) + 1;
        // What was written and read before is done when another rank sees this.
        mine.store(epoch, std::memory_order_release);
        for (auto* flag : table.flags) wait_for(*flag, epoch);
    }

    void pull_sum(const PeerTable& table, const OwnRows& to, Stream& stream) override {
        barrier(table, stream);
        complete(to.norm, {0, to.rows.rows}, [&](const Rows& rows) {
            add_up(table, to.offset + rows.first_byte(to.rows), rows.of(to.rows));
        });
        barrier(table, stream);
    }

    void push_sum(const PeerTable& inbox, const PushSum& sum, Stream& stream) override {
        const PushCall call{inbox, sum.plan, sum.half_bytes, epoch(inbox)};
        call.for_each_to_send([&](const PushPiece& piece) {
            stream_copy(sum.in.data + piece.offset, piece.bytes, call.slot(piece, inbox.rank));
        });
        barrier(inbox, stream);
        const auto row_bytes = sum.out.row_bytes();
        const auto own_rows = [&](const PushPiece& piece) {
            return Rows::of_bytes(piece.in_own, piece.bytes, row_bytes);
        };
        // Of a piece's rows, which lie from `data` on, some of this rank's.
        const auto rows_at = [&](std::byte* data, const PushPiece& piece, const Rows& rows) {
            data += rows.first_byte(sum.out) - piece.in_own;
            return Matrix{data, rows.count, sum.out.cols, sum.out.dtype};
        };
        const auto add = [&](const PushPiece& piece, const Rows& rows, const Matrix& to) {
            terms_.clear();
            for (int source = 0; source < inbox.ranks(); ++source) {
                auto* data =
                    source == inbox.rank ? sum.in.data + piece.offset : call.slot(piece, source);
                terms_.push_back(rows_at(data, piece, rows));
            }
            sum_matrices(terms_, to);
        };
        call.for_each_to_add([&](const PushPiece& piece) {
            if (piece.forwarded()) {
                const auto all = own_rows(piece);
                add(piece, all, rows_at(call.forwarded(piece), piece, all));
                return;
            }
            complete(sum.norm, own_rows(piece),
                     [&](const Rows& rows) { add(piece, rows, rows.of(sum.out)); });
        });
        if (!sum.plan.forwards()) return;
        barrier(inbox, stream);
        call.for_each_to_take([&](const PushPiece& piece) {
            complete(sum.norm, own_rows(piece), [&](const Rows& rows) {
                const auto from = rows_at(call.forwarded(piece), piece, rows);
                std::copy_n(from.data, from.bytes(), rows.of(sum.out).data);
            });
        });
    }

    void push_weighted_sum(const PeerTable& inbox, const PushWeightedSum& sum,
                           Stream& stream) override {
        const PushCall call{inbox, sum.plan, sum.half_bytes, epoch(inbox)};
        const auto row_bytes = sum.out.row_bytes();
        const auto stride = PushWeightedSum::inbox_row_bytes(row_bytes);
        const auto row_at = [&](std::byte* data) {
            return Matrix{data, 1, sum.out.cols, sum.out.dtype};
        };
        // Behind a row stands whether its source had entries for it.
        const auto present = [&](std::byte* slot) -> std::byte& {
            return slot[stride - PushPlan::kVector];
        };
        const auto rows_of = [&](const PushPiece& piece, auto&& visit) {
            for (std::size_t at = 0; at < piece.bytes; at += stride) {
                visit(at, static_cast<std::int64_t>(at / stride));
            }
        };
        const auto first_row = [&](const PushPiece& piece) {
            return static_cast<std::int64_t>(piece.offset / stride);
        };
        partials_.resize(std::max(partials_.size(), stride));
        call.for_each_to_send([&](const PushPiece& piece) {
            const auto first = first_row(piece);
            rows_of(piece, [&](std::size_t at, std::int64_t i) {
                auto* slot = call.slot(piece, inbox.rank) + at;
                if (!sum.rows.has_entries(first + i)) {
                    present(slot) = std::byte{0};
                    return;
                }
                weighted_row(sum.rows, first + i, sum.dense, row_at(partials_.data()));
                present(partials_.data()) = std::byte{1};
                stream_copy(partials_.data(), stride, slot);
            });
        });
        barrier(inbox, stream);
        const auto own_row = [&](const PushPiece& piece, std::int64_t i) {
            return Rows{static_cast<std::int64_t>(piece.in_own / stride) + i, 1};
        };
        call.for_each_to_add([&](const PushPiece& piece) {
            rows_of(piece, [&](std::size_t at, std::int64_t i) {
                terms_.clear();
                for (int source = 0; source < inbox.ranks(); ++source) {
                    auto* slot = call.slot(piece, source) + at;
                    if (source == inbox.rank) {
                        add_partial(sum.rows, first_row(piece) + i, sum.dense,
                                    row_at(partials_.data()));
                    } else if (present(slot) != std::byte{0}) {
                        terms_.push_back(row_at(slot));
                    }
                }
                if (piece.forwarded()) {
                    sum_matrices(terms_, row_at(call.forwarded(piece) + at));
                    return;
                }
                complete(sum.norm, own_row(piece, i),
                         [&](const Rows& row) { sum_matrices(terms_, row.of(sum.out)); });
            });
        });
        if (!sum.plan.forwards()) return;
        barrier(inbox, stream);
        call.for_each_to_take([&](const PushPiece& piece) {
            rows_of(piece, [&](std::size_t at, std::int64_t i) {
                complete(sum.norm, own_row(piece, i), [&](const Rows& row) {
                    std::copy_n(call.forwarded(piece) + at, row_bytes, row.of(sum.out).data);
                });
            });
        });
    }

    void pull_weighted_sum(const PeerTable& table, const PullWeightedSum& sum,
                           Stream& stream) override {
        const auto row_bytes = sum.out.row_bytes();
        partials_.resize(std::max(partials_.size(), table.data.size() * row_bytes));
        barrier(table, stream);
        for (std::int64_t row = 0; row < sum.out.rows; ++row) {
            terms_.clear();
            for (int rank = 0; rank < table.ranks(); ++rank) {
                const auto theirs = of_rank(table, sum, rank);
                auto partial = sum.out.slice(row, 1);
                partial.data = partials_.data() + terms_.size() * row_bytes;
                add_partial(theirs.rows, sum.first + row, theirs.dense, partial);
            }
            complete(sum.norm, {row, 1},
                     [&](const Rows& own) { sum_matrices(terms_, own.of(sum.out)); });
        }
        barrier(table, stream);
    }

    void push_copy(const PeerTable& table, const OwnRows& from, Stream& stream) override {
        barrier(table, stream);
        // Each rank begins with its own block, so that not all write to the same one at a time.
        const int ranks = table.ranks();
        for (int i = 0; i < ranks; ++i) {
            const int peer = (table.rank + i) % ranks;
            put(table, peer, from.rows, table.data[static_cast<std::size_t>(peer)] + from.offset);
        }
        barrier(table, stream);
    }

    void all_reduce_push(const PushInbox& inbox, const Matrix& in, const Matrix& out,
                         Stream& stream) override {
        const auto& table = inbox.table;
        const int ranks = table.ranks();
        const auto now = epoch(table);
        for (int i = 0; i < ranks; ++i) {
            const int owner = (table.rank + i) % ranks;
            put(table, owner, in, inbox.slot(owner, table.rank, now));
        }
        barrier(table, stream);
        add_slots(inbox, now, out);
    }

    void all_reduce_one_shot(const PeerTable& in, const Matrix& out, Stream& stream) override {
        pull_sum(in, {.rows = out, .offset = 0, .most_rows = out.rows}, stream);
    }

    void all_reduce_two_shot(const PeerTable& in, const PeerTable& parts, const Matrix& out,
                             Stream& stream) override {
        // Parts of whole elements: what a device's vectors are for does not matter here.
        const auto ranks = std::int64_t{in.ranks()};
        const auto part = (out.elements() + ranks - 1) / ranks;
        const auto first = [&](std::int64_t rank) { return std::min(rank * part, out.elements()); };
        const auto count = [&](std::int64_t rank) { return first(rank + 1) - first(rank); };
        const auto size = size_of(out.dtype);
        barrier(in, stream);
        const auto own = static_cast<std::size_t>(in.rank);
        add_up(in, static_cast<std::size_t>(first(in.rank)) * size,
               {parts.data[own], 1, count(in.rank), out.dtype});
        barrier(in, stream);
        for (std::int64_t rank = 0; rank < ranks; ++rank) {
            std::copy_n(parts.data[static_cast<std::size_t>(rank)],
                        static_cast<std::size_t>(count(rank)) * size,
                        out.data + static_cast<std::size_t>(first(rank)) * size);
        }
    }

private:
    /// Some rows of a result.
    struct Rows {
        std::int64_t first, count;

        static Rows of_bytes(std::size_t offset, std::size_t bytes, std::size_t row_bytes) {
            return {static_cast<std::int64_t>(offset / row_bytes),
                    static_cast<std::int64_t>(bytes / row_bytes)};
        }
        [[nodiscard]] std::size_t first_byte(const Matrix& matrix) const {
            return static_cast<std::size_t>(first) * matrix.row_bytes();
        }
        [[nodiscard]] Matrix of(const Matrix& matrix) const { return matrix.slice(first, count); }
    };
    /// make(rows) completes rows of a result: all at once, or some after others where a norm ends
    /// the pass, which then finds their sums in a cache.
    template <class Make>
    static void complete(const ResidualNorm* norm, const Rows& rows, Make&& make) {
        if (norm == nullptr) {
            make(rows);
            return;
        }
        const auto at_once = std::max<std::int64_t>(
            kCachedBytes / static_cast<std::int64_t>(norm->rows.row_bytes()), 1);
        for (std::int64_t done = 0; done < rows.count; done += at_once) {
            const Rows some{rows.first + done, std::min(at_once, rows.count - done)};
            make(some);
            residual_norm(norm->slice(some.first, some.count));
        }
    }

    /// The pieces of one push, and where they lie.
    struct PushCall {
        const PeerTable& inbox;
        const PushPlan& plan;
        std::span<const std::size_t> half_bytes;
        std::uint32_t epoch;

        [[nodiscard]] std::byte* slot(const PushPiece& piece, int source) const {
            return half(piece.helper, epoch) +
                   static_cast<std::size_t>(source) * plan.slot_bytes(piece.helper) + piece.in_slot;
        }
        /// In the other half, which all have read: ranks that are ahead write to this one while
        /// owners still read what was forwarded.
        [[nodiscard]] std::byte* forwarded(const PushPiece& piece) const {
            return half(piece.owner, epoch + 1) + plan.forward_at(piece.owner) + piece.in_forward;
        }
        /// Pieces that others add up. Each rank begins behind its own, so that not all write to
        /// the same one at a time.
        template <class Visit>
        void for_each_to_send(Visit&& visit) const {
            const auto pieces = plan.pieces();
            const auto own = std::ranges::lower_bound(pieces, inbox.rank, {}, &PushPiece::helper);
            const auto next = std::ranges::upper_bound(pieces, inbox.rank, {}, &PushPiece::helper);
            std::for_each(next, pieces.end(), visit);
            std::for_each(pieces.begin(), own, visit);
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

    /// How often this rank has come to a barrier of the table.
    static std::uint32_t epoch(const PeerTable& table) {
        return *table.flags[static_cast<std::size_t>(table.rank)];
    }
    struct RankRows {
        WeightedRows rows;
        Matrix dense;
    };
    /// What lies in a rank's block as this rank's own lies in its block.
    static RankRows of_rank(const PeerTable& table, const PullWeightedSum& sum, int rank) {
        const auto* own = table.data[static_cast<std::size_t>(table.rank)];
        const auto there = [&](auto* here) {
            auto* at = table.data[static_cast<std::size_t>(rank)] +
                       (reinterpret_cast<const std::byte*>(here) - own);
            return reinterpret_cast<decltype(here)>(at);
        };
        RankRows theirs{sum.rows, sum.dense};
        theirs.rows.offsets = there(sum.rows.offsets);
        theirs.rows.indices = there(sum.rows.indices);
        theirs.rows.weights = there(sum.rows.weights);
        theirs.dense.data = there(sum.dense.data);
        return theirs;
    }
    /// Writes a matrix to where a rank, maybe this one, reads it next.
    static void put(const PeerTable& table, int rank, const Matrix& from, std::byte* to) {
        if (rank == table.rank) {
            std::copy_n(from.data, from.bytes(), to);
        } else {
            stream_copy(from.data, from.bytes(), to);
        }
    }
    /// partial = the weighted sum of a row's entries, one more of the terms; without any, none.
    void add_partial(const WeightedRows& rows, std::int64_t row, const Matrix& dense,
                     const Matrix& partial) {
        if (!rows.has_entries(row)) return;
        weighted_row(rows, row, dense, partial);
        terms_.push_back(partial);
    }
    /// to = the sum of what all ranks wrote for this one in call `now`.
    void add_slots(const PushInbox& inbox, std::uint32_t now, const Matrix& to) {
        terms_.clear();
        for (int source = 0; source < inbox.table.ranks(); ++source) {
            terms_.push_back(
                {inbox.slot(inbox.table.rank, source, now), to.rows, to.cols, to.dtype});
        }
        sum_matrices(terms_, to);
    }
    /// to = the sum of what lies `offset` bytes into each rank's block.
    void add_up(const PeerTable& table, std::size_t offset, const Matrix& to) {
        terms_.clear();
        for (auto* data : table.data) terms_.push_back({data + offset, to.rows, to.cols, to.dtype});
        sum_matrices(terms_, to);
    }
    void wait_for(std::uint32_t& flag, std::uint32_t epoch) const {
        const std::atomic_ref seen(flag);
        // Epochs wrap around, and a rank may be one ahead.
        const auto behind = [&] {
            return static_cast<std::int32_t>(seen.load(std::memory_order_acquire) - epoch) < 0;
        };
        for (int spin = 0; behind(); ++spin) {
            if (spin >= kSpins) idle_();
        }
    }

    std::function<void()> idle_;
    // Of one call; kept, since a call must not allocate.
    std::vector<Matrix> terms_;
    std::vector<std::byte> partials_;  ///< one row of each rank
};

}  // namespace

std::unique_ptr<PeerKernels> make_host_peer_kernels(std::function<void()> idle) {
    return std::make_unique<HostPeerKernels>(std::move(idle));
}

}  // namespace moe
