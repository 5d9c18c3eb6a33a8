#include "kernels/host/peer_kernels.hpp"

#include "kernels/host/push_call.hpp"
#include "kernels/host/rank_flags.hpp"
#include "kernels/host/result_rows.hpp"
#include "kernels/host/stream_copy.hpp"
#include "kernels/host/sum.hpp"
#include "kernels/host/weighted_push.hpp"
#include "kernels/host/weighted_sum.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace moe {
namespace {

class HostPeerKernels final : public PeerKernels {
public:
    explicit HostPeerKernels(std::function<void()> idle) : idle_(std::move(idle)) {}

    [[nodiscard]] bool can_norm(OwnersPass /*pass*/, std::size_t /*row_bytes*/,
                                std::int64_t /*most_rows*/) const override {
        return true;
    }

    void barrier(const PeerTable& table, Stream& /*stream*/) override {
        RankFlags(table, idle_).barrier();
    }

    void pull_sum(const PeerTable& table, const OwnRows& to, Stream& stream) override {
        barrier(table, stream);
        complete(to.norm, {0, to.rows.rows}, [&](const ResultRows& rows) {
            add_up(table, to.offset + rows.first_byte(to.rows), rows.of(to.rows));
        });
        barrier(table, stream);
    }

    void push_sum(const PeerTable& inbox, const PushSum& sum, Stream& stream) override {
        const PushCall call{inbox, sum.plan, sum.half_bytes, RankFlags(inbox, idle_).epoch()};
        call.for_each_to_send([&](const PushPiece& piece) {
            stream_copy(sum.in.data + piece.offset, piece.bytes, call.slot(piece, inbox.rank));
        });
        barrier(inbox, stream);
        const auto row_bytes = sum.out.row_bytes();
        const auto own_rows = [&](const PushPiece& piece) {
            return ResultRows::of_bytes(piece.in_own, piece.bytes, row_bytes);
        };
        // Of a piece's rows, which lie from `data` on, some of this rank's.
        const auto rows_at = [&](std::byte* data, const PushPiece& piece, const ResultRows& rows) {
            data += rows.first_byte(sum.out) - piece.in_own;
            return Matrix{data, rows.count, sum.out.cols, sum.out.dtype};
        };
        const auto add = [&](const PushPiece& piece, const ResultRows& rows, const Matrix& to) {
            scratch_.terms.clear();
            for (int source = 0; source < inbox.ranks(); ++source) {
                auto* data =
                    source == inbox.rank ? sum.in.data + piece.offset : call.slot(piece, source);
                scratch_.terms.push_back(rows_at(data, piece, rows));
            }
            sum_matrices(scratch_.terms, to);
        };
        call.for_each_to_add([&](const PushPiece& piece) {
            if (piece.forwarded()) {
                const auto all = own_rows(piece);
                add(piece, all, rows_at(call.forwarded(piece), piece, all));
                return;
            }
            complete(sum.norm, own_rows(piece),
                     [&](const ResultRows& rows) { add(piece, rows, rows.of(sum.out)); });
        });
        if (!sum.plan.forwards()) return;
        barrier(inbox, stream);
        call.for_each_to_take([&](const PushPiece& piece) {
            complete(sum.norm, own_rows(piece), [&](const ResultRows& rows) {
                const auto from = rows_at(call.forwarded(piece), piece, rows);
                std::copy_n(from.data, from.bytes(), rows.of(sum.out).data);
            });
        });
    }

    void push_weighted_sum(const PeerTable& inbox, const PushWeightedSum& sum,
                           Stream& /*stream*/) override {
        push_weighted_rows(inbox, sum, RankFlags(inbox, idle_), scratch_);
    }

    void pull_weighted_sum(const PeerTable& table, const PullWeightedSum& sum,
                           Stream& stream) override {
        const auto row_bytes = sum.out.row_bytes();
        scratch_.partials.resize(std::max(scratch_.partials.size(), table.data.size() * row_bytes));
        barrier(table, stream);
        for (std::int64_t row = 0; row < sum.out.rows; ++row) {
            scratch_.terms.clear();
            for (int rank = 0; rank < table.ranks(); ++rank) {
                const auto theirs = of_rank(table, sum, rank);
                auto partial = sum.out.slice(row, 1);
                partial.data = scratch_.partials.data() + scratch_.terms.size() * row_bytes;
                add_partial(theirs.rows, sum.first + row, theirs.dense, partial);
            }
            complete(sum.norm, {row, 1},
                     [&](const ResultRows& own) { sum_matrices(scratch_.terms, own.of(sum.out)); });
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
        const auto now = RankFlags(table, idle_).epoch();
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
        scratch_.terms.push_back(partial);
    }
    /// to = the sum of what all ranks wrote for this one in call `now`.
    void add_slots(const PushInbox& inbox, std::uint32_t now, const Matrix& to) {
        scratch_.terms.clear();
        for (int source = 0; source < inbox.table.ranks(); ++source) {
            scratch_.terms.push_back(
                {inbox.slot(inbox.table.rank, source, now), to.rows, to.cols, to.dtype});
        }
        sum_matrices(scratch_.terms, to);
    }
    /// to = the sum of what lies `offset` bytes into each rank's block.
    void add_up(const PeerTable& table, std::size_t offset, const Matrix& to) {
        scratch_.terms.clear();
        for (auto* data : table.data)
            scratch_.terms.push_back({data + offset, to.rows, to.cols, to.dtype});
        sum_matrices(scratch_.terms, to);
    }

    std::function<void()> idle_;
    PeerScratch scratch_;
};

}  // namespace

std::unique_ptr<PeerKernels> make_host_peer_kernels(std::function<void()> idle) {
    return std::make_unique<HostPeerKernels>(std::move(idle));
}

}  // namespace moe
