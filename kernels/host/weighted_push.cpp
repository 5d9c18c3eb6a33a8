#include "kernels/host/weighted_push.hpp"

#include "kernels/host/prefetch.hpp"
#include "kernels/host/push_call.hpp"
#include "kernels/host/result_rows.hpp"
#include "kernels/host/sum.hpp"
#include "kernels/host/weighted_sum.hpp"

#include <algorithm>

namespace moe {
namespace {

class WeightedPush {
public:
    WeightedPush(const PeerTable& inbox, const PushWeightedSum& sum, const RankFlags& flags,
                 PeerScratch& scratch)
        : call_{inbox, sum.plan, sum.half_bytes, flags.epoch()},
          sum_(sum),
          flags_(flags),
          scratch_(scratch),
          row_bytes_(sum.out.row_bytes()),
          stride_(PushWeightedSum::inbox_row_bytes(row_bytes_)),
          sent_before_(flags.sent()) {
        scratch_.partials.resize(std::max(scratch_.partials.size(), row_bytes_));
    }

    void run() {
        flags_.begin_call();
        call_.for_each_to_send([&](const PushPiece& piece) { send(piece); });
        // Own rows count as sent, so that all ranks begin the next call with the same count.
        auto sent = sent_before_;
        for (const auto& piece : sum_.plan.pieces()) sent += rows_in(piece.bytes);
        flags_.set_sent(sent);
        call_.for_each_to_add([&](const PushPiece& piece) { add(piece); });
        if (!sum_.plan.forwards()) return;
        flags_.barrier();
        call_.for_each_to_take([&](const PushPiece& piece) { take(piece); });
    }

private:
    void send(const PushPiece& piece) {
        auto sent = sent_before_ + rows_in(call_.bytes_before(piece, rank()));
        for (std::size_t at = 0; at < piece.bytes; at += stride_) {
            auto* slot = call_.slot(piece, rank()) + at;
            const auto row = row_of(piece, at);
            const bool any = sum_.rows.has_entries(row);
            if (any) weighted_row(sum_.rows, row, sum_.dense, matrix_at(slot));
            present(slot) = std::byte{any};
            flags_.set_sent(++sent);
        }
    }

    void add(const PushPiece& piece) {
        auto& counts = scratch_.counts;
        counts.clear();
        for (int source = 0; source < ranks(); ++source) {
            counts.push_back(sent_before_ + rows_in(call_.bytes_before(piece, source)));
        }
        for (std::size_t at = 0; at < piece.bytes; at += stride_) {
            const auto row = row_of(piece, at);
            const auto own = matrix_at(scratch_.partials.data());
            prefetch_sent(piece, at);
            const bool any = sum_.rows.has_entries(row);
            if (any) weighted_row(sum_.rows, row, sum_.dense, own);
            auto& terms = scratch_.terms;
            terms.clear();
            for (int source = 0; source < ranks(); ++source) {
                if (source == rank()) {
                    if (any) terms.push_back(own);
                    continue;
                }
                flags_.wait_for_sent(source, count_with(at, source));
                auto* slot = call_.slot(piece, source) + at;
                if (present(slot) != std::byte{0}) terms.push_back(matrix_at(slot));
            }
            if (piece.forwarded()) {
                sum_matrices(terms, matrix_at(call_.forwarded(piece) + at));
                continue;
            }
            complete(sum_.norm, own_row(piece, at),
                     [&](const ResultRows& to) { sum_matrices(terms, to.of(sum_.out)); });
        }
    }

    void take(const PushPiece& piece) {
        for (std::size_t at = 0; at < piece.bytes; at += stride_) {
            complete(sum_.norm, own_row(piece, at), [&](const ResultRows& to) {
                std::copy_n(call_.forwarded(piece) + at, row_bytes_, to.of(sum_.out).data);
            });
        }
    }

    /// Fetches what has come of a row while this rank sums its own entries.
    void prefetch_sent(const PushPiece& piece, std::size_t at) const {
        for (int source = 0; source < ranks(); ++source) {
            if (source == rank() || !flags_.has_sent(source, count_with(at, source))) continue;
            prefetch(call_.slot(piece, source) + at, static_cast<std::int64_t>(stride_));
        }
    }
    /// What `source` has counted with the row at `at` of the piece that is added up.
    [[nodiscard]] std::uint32_t count_with(std::size_t at, int source) const {
        return scratch_.counts[static_cast<std::size_t>(source)] + rows_in(at) + 1;
    }
    /// Behind a row stands whether its source had entries for it.
    [[nodiscard]] std::byte& present(std::byte* slot) const {
        return slot[stride_ - PushPlan::kVector];
    }
    [[nodiscard]] std::uint32_t rows_in(std::size_t bytes) const {
        return static_cast<std::uint32_t>(bytes / stride_);
    }
    /// Among all ranks' rows, and among the owner's.
    [[nodiscard]] std::int64_t row_of(const PushPiece& piece, std::size_t at) const {
        return rows_in(piece.offset + at);
    }
    [[nodiscard]] ResultRows own_row(const PushPiece& piece, std::size_t at) const {
        return {rows_in(piece.in_own + at), 1};
    }
    [[nodiscard]] Matrix matrix_at(std::byte* data) const {
        return {data, 1, sum_.out.cols, sum_.out.dtype};
    }
    [[nodiscard]] int rank() const { return call_.inbox.rank; }
    [[nodiscard]] int ranks() const { return call_.inbox.ranks(); }

    PushCall call_;
    const PushWeightedSum& sum_;
    const RankFlags& flags_;
    PeerScratch& scratch_;
    std::size_t row_bytes_, stride_;
    std::uint32_t sent_before_;  ///< what all ranks had counted before the call
};

}  // namespace

void push_weighted_rows(const PeerTable& inbox, const PushWeightedSum& sum, const RankFlags& flags,
                        PeerScratch& scratch) {
    WeightedPush(inbox, sum, flags, scratch).run();
}

}  // namespace moe
