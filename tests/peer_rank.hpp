// One rank of PeerRounds: it calls what they say, with data of its own, and looks at what comes.
// What a contract allows to be overwritten is poisoned at once.
#pragma once

#include "kernels/host/host_device.hpp"
#include "kernels/host/residual_norm.hpp"
#include "tests/round_norm.hpp"
#include "tests/shared_blocks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace moe {

class PeerRank {
public:
    struct Parts {
        const SharedMemory& memory;
        int rank;
        unsigned seed;
        std::unique_ptr<PeerKernels> kernels;
        std::optional<DType> dense{};  ///< of dense rows; nothing: as the rows that they make
        /// Whose bits a norm in a pass has to have.
        std::function<void(const ResidualNorm&)> residual_norm = moe::residual_norm;
        PeerCalls calls{};
        int latest_us{100};  ///< by which this rank is late now and then
    };
    explicit PeerRank(Parts parts)
        : table_(parts.memory.blocks.of(parts.rank)),
          inbox_{parts.memory.inbox.of(parts.rank), PushInbox::slot_for(kBlockBytes)},
          parts_(parts.memory.parts.of(parts.rank)),
          owners_inbox_(parts.memory.owners_inbox.of(parts.rank)),
          weighted_(parts.memory.weighted.of(parts.rank)),
          weighted_inbox_(parts.memory.weighted_inbox.of(parts.rank)),
          seed_(parts.seed),
          random_(parts.seed + 1U + static_cast<unsigned>(parts.rank)),
          dense_(parts.dense),
          residual_norm_(std::move(parts.residual_norm)),
          calls_(parts.calls),
          latest_us_(parts.latest_us),
          kernels_(std::move(parts.kernels)) {}

    /// Empty, or what was wrong first.
    std::string run(std::uint64_t rounds) {
        PeerRounds all(table_.ranks(), seed_, calls_);
        poison(block());
        poison(weighted_block());
        for (std::uint64_t i = 0; i < rounds; ++i) {
            round_ = all.next();
            call();
            poison_ = ~poison_;
            poison(block());
        }
        return wrong_;
    }

private:
    void call() {
        switch (round_.call) {
            case PeerCall::pull_sum:
                return pull_sum();
            case PeerCall::push_copy:
                return push_copy();
            case PeerCall::barrier:
                return publish();
            case PeerCall::all_reduce_push:
            case PeerCall::one_shot:
            case PeerCall::two_shot:
                return all_reduce();
            case PeerCall::push_sum:
                return push_sum();
            case PeerCall::push_weighted_sum:
            case PeerCall::pull_weighted_sum:
                return weighted_sum();
        }
    }

    void pull_sum() {
        RoundNorm norm(round_, *kernels_, OwnersPass::pull_sum);
        if (norm.taken()) round_.offset = round_.offset / PushPlan::kVector * PushPlan::kVector;
        fill(matrix_in(me()), me(), 0);
        const auto to = private_rows(rows(me()), norm.taken() ? 0 : random_shift());
        norm.make(*device_, to, poison_, *stream_);
        delay();
        auto own = owned(to);
        own.norm = norm.operands();
        kernels_->pull_sum(table_, own, *stream_);
        poison(block());
        delay();
        check_sums(to, first_element(me()));
        check(norm);
        check_surroundings(to);
    }

    void push_sum() {
        if (round_.rows() == 0) return;
        RoundNorm norm(round_, *kernels_, OwnersPass::push_sum);
        std::vector<std::byte> partial(matrix_in(me()).bytes() + sizeof(float));
        const Matrix in{partial.data() + (norm.taken() ? 0 : random_shift()), round_.rows(),
                        round_.cols, round_.dtype};
        fill(in, me(), 0);
        const auto to = private_rows(rows(me()), norm.taken() ? 0 : random_shift());
        norm.make(*device_, to, poison_, *stream_);
        const auto plan = plan_for(in.row_bytes());
        const auto halves = halves_for(kBlockBytes);
        delay();
        kernels_->push_sum(
            owners_inbox_,
            {.in = in, .plan = plan, .half_bytes = halves, .out = to, .norm = norm.operands()},
            *stream_);
        std::ranges::fill(partial, poison_);
        delay();
        check_sums(to, first_element(me()));
        check(norm);
        check_surroundings(to);
    }

    void push_copy() {
        const auto from = private_rows(rows(me()), random_shift());
        fill(from, me(), first_element(me()));
        delay();
        kernels_->push_copy(table_, owned(from), *stream_);
        poison(own_);
        delay();
        for (int rank = 0; rank < table_.ranks(); ++rank) check_rows(me(), rank);
        if (round_.most_rows() > 0) check_poisoned(block(), round_.offset, matrix_in(me()).bytes());
    }

    /// Of what lies where the blocks begin, or, for a push, of what a rank has for itself.
    void all_reduce() {
        round_.offset = 0;
        const auto to = private_rows(round_.rows(), 0);
        const bool push = round_.call == PeerCall::all_reduce_push;
        const auto in = push ? to : matrix_in(me());
        fill(in, me(), 0);
        delay();
        if (push) {
            kernels_->all_reduce_push(inbox_, in, to, *stream_);
        } else if (round_.call == PeerCall::one_shot) {
            kernels_->all_reduce_one_shot(table_, to, *stream_);
        } else {
            kernels_->all_reduce_two_shot(table_, parts_, to, *stream_);
        }
        poison(block());
        delay();
        check_sums(to, 0);
        check_surroundings(to);
    }

    /// Of entries and dense rows that lie in this rank's block, where owners read them in a pull.
    void weighted_sum() {
        if (round_.rows() == 0) return;
        const bool pull = round_.call == PeerCall::pull_weighted_sum;
        const auto pass = pull ? OwnersPass::pull_weighted_sum : OwnersPass::push_weighted_sum;
        RoundNorm norm(round_, *kernels_, pass);
        const auto [entries, dense] = weighted_rows();
        const auto to = private_rows(rows(me()), norm.taken() ? 0 : random_shift());
        norm.make(*device_, to, poison_, *stream_);
        delay();
        if (pull) {
            kernels_->pull_weighted_sum(weighted_,
                                        {.rows = entries,
                                         .dense = dense,
                                         .first = first_row(me()),
                                         .out = to,
                                         .most_rows = round_.most_rows(),
                                         .norm = norm.operands()},
                                        *stream_);
        } else {
            const auto plan = plan_for(PushWeightedSum::inbox_row_bytes(to.row_bytes()));
            const auto halves = halves_for(kWeightedInboxBytes);
            kernels_->push_weighted_sum(weighted_inbox_,
                                        {.rows = entries,
                                         .dense = dense,
                                         .plan = plan,
                                         .half_bytes = halves,
                                         .out = to,
                                         .norm = norm.operands()},
                                        *stream_);
        }
        poison(weighted_block());
        delay();
        check(to, first_element(me()), [&](std::int64_t element) {
            float sum = 0;
            for (int rank = 0; rank < table_.ranks(); ++rank) sum += weighted_value(rank, element);
            return sum;
        });
        check(norm);
        check_surroundings(to);
    }

    /// Each rank writes its rows, and all read them where they are.
    void publish() {
        fill(rows_in(me(), me()), me(), first_element(me()));
        delay();
        kernels_->barrier(table_, *stream_);
        delay();
        for (int rank = 0; rank < table_.ranks(); ++rank) check_rows(rank, rank);
        kernels_->barrier(table_, *stream_);
    }

    /// This round's, written into this rank's block.
    [[nodiscard]] std::pair<WeightedRows, Matrix> weighted_rows() const {
        auto* block = weighted_block().data();
        const auto words = [&](std::size_t place) {
            return reinterpret_cast<std::int32_t*>(block + place);
        };
        const WeightedRows entries{round_.rows(), words(WeightedPlaces::kOffsets),
                                   words(WeightedPlaces::kIndices),
                                   reinterpret_cast<float*>(words(WeightedPlaces::kWeights))};
        std::int32_t count = 0;
        for (std::int64_t row = 0; row < round_.rows(); ++row) {
            entries.offsets[row] = count;
            for (std::int64_t i = 0; i < peer_entries(round_.number, me(), row); ++i, ++count) {
                const auto index = peer_index(round_.rows(), row, i);
                entries.indices[count] = static_cast<std::int32_t>(index);
                entries.weights[count] = peer_weight(index);
            }
        }
        entries.offsets[round_.rows()] = count;
        const Matrix dense{block + WeightedPlaces::kDense, kMostEntries * round_.rows(),
                           round_.cols, dense_.value_or(round_.dtype)};
        fill(dense, me(), 0);
        return {entries, dense};
    }
    [[nodiscard]] float weighted_value(int rank, std::int64_t element) const {
        const auto row = element / round_.cols;
        float sum = 0;
        for (std::int64_t i = 0; i < peer_entries(round_.number, rank, row); ++i) {
            const auto index = peer_index(round_.rows(), row, i);
            sum += peer_weight(index) *
                   peer_value(round_.number, rank, index * round_.cols + element % round_.cols);
        }
        return sum;
    }

    /// The rows of `owner` in the block of `rank`.
    void check_rows(int rank, int owner) {
        check(rows_in(rank, owner), first_element(owner),
              [&](std::int64_t element) { return peer_value(round_.number, owner, element); });
    }

    [[nodiscard]] int me() const { return table_.rank; }
    [[nodiscard]] std::span<std::byte> block() const {
        return {table_.data[static_cast<std::size_t>(me())], kBlockBytes};
    }
    [[nodiscard]] std::span<std::byte> weighted_block() const {
        return {weighted_.data[static_cast<std::size_t>(me())], WeightedPlaces::kEnd};
    }
    [[nodiscard]] PushPlan plan_for(std::size_t row_bytes) const {
        const auto shape = round_.balanced ? PushShape::balanced : PushShape::direct;
        return {shape, round_.first, row_bytes};
    }
    [[nodiscard]] std::vector<std::size_t> halves_for(std::size_t bytes) const {
        const auto ranks = static_cast<std::size_t>(table_.ranks());
        return std::vector(ranks, half_bytes(table_.ranks(), bytes));
    }
    [[nodiscard]] std::int64_t first_row(int rank) const {
        return round_.first[static_cast<std::size_t>(rank)];
    }
    [[nodiscard]] std::int64_t rows(int rank) const {
        return first_row(rank + 1) - first_row(rank);
    }
    [[nodiscard]] std::int64_t first_element(int rank) const {
        return first_row(rank) * round_.cols;
    }
    [[nodiscard]] std::size_t offset_of_rows(int rank) const {
        return static_cast<std::size_t>(first_element(rank)) * size_of(round_.dtype);
    }
    [[nodiscard]] Matrix matrix_in(int rank) const {
        return {table_.data[static_cast<std::size_t>(rank)] + round_.offset, round_.rows(),
                round_.cols, round_.dtype};
    }
    [[nodiscard]] Matrix rows_in(int rank, int owner) const {
        return matrix_in(rank).slice(first_row(owner), rows(owner));
    }
    /// Bytes after which memory of this rank begins now and then: no vector is aligned there.
    [[nodiscard]] std::size_t random_shift() {
        return random_() % 4 == 0 ? size_of(round_.dtype) : 0;
    }
    /// Of this rank, outside the blocks; poisoned.
    [[nodiscard]] Matrix private_rows(std::int64_t count, std::size_t shift) {
        const Matrix rows{nullptr, count, round_.cols, round_.dtype};
        own_.resize(std::max(own_.size(), rows.bytes() + 2 * sizeof(float)));
        poison(own_);
        return {own_.data() + shift, count, round_.cols, round_.dtype};
    }
    [[nodiscard]] OwnRows owned(const Matrix& rows) const {
        return {.rows = rows,
                .offset = round_.offset + offset_of_rows(me()),
                .most_rows = round_.most_rows()};
    }

    void poison(std::span<std::byte> bytes) const {
        std::fill(bytes.begin(), bytes.end(), poison_);
    }

    void fill(const Matrix& matrix, int rank, std::int64_t first) const {
        visit_dtype(matrix.dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            for (std::int64_t i = 0; i < matrix.elements(); ++i) {
                matrix.as<T>()[i] = T(peer_value(round_.number, rank, first + i));
            }
        });
    }

    void check(RoundNorm& norm) {
        if (const auto text = norm.wrong(residual_norm_); !text.empty()) report(text);
    }
    template <class Want>
    void check(const Matrix& matrix, std::int64_t first, Want want) {
        visit_dtype(matrix.dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            for (std::int64_t i = 0; i < matrix.elements(); ++i) {
                const auto got = static_cast<float>(matrix.as<T>()[i]);
                if (got != want(first + i)) {
                    report(
                        fmt::format("element {} is {}, not {}", first + i, got, want(first + i)));
                }
            }
        });
    }

    void check_sums(const Matrix& matrix, std::int64_t first) {
        check(matrix, first, [&](std::int64_t element) {
            float sum = 0;
            for (int rank = 0; rank < table_.ranks(); ++rank) {
                sum += peer_value(round_.number, rank, element);
            }
            return sum;
        });
    }

    /// Of private_rows().
    void check_surroundings(const Matrix& rows) {
        check_poisoned(own_, static_cast<std::size_t>(rows.data - own_.data()), rows.bytes());
    }
    void check_poisoned(std::span<const std::byte> bytes, std::size_t first, std::size_t count) {
        const auto is_not = [&](std::byte one) { return one != poison_; };
        if (std::ranges::any_of(bytes.first(first), is_not) ||
            std::ranges::any_of(bytes.subspan(first + count), is_not)) {
            report("something was written outside the matrix");
        }
    }

    void report(const std::string& what) {
        if (!wrong_.empty()) return;
        wrong_ = fmt::format("rank {} of {}, seed {}, round {}, call {}: {}", me(), table_.ranks(),
                             seed_, round_.number, static_cast<int>(round_.call), what);
    }

    /// Lets this rank be late now and then.
    void delay() {
        const auto chance = random_() % 16;
        if (chance == 0) {
            std::uniform_int_distribution us(0, latest_us_);
            std::this_thread::sleep_for(std::chrono::microseconds(us(random_)));
        }
        if (chance == 1) std::this_thread::yield();
    }

    PeerTable table_;
    PushInbox inbox_;
    PeerTable parts_, owners_inbox_, weighted_, weighted_inbox_;
    unsigned seed_;
    std::mt19937 random_;
    std::optional<DType> dense_;
    std::function<void(const ResidualNorm&)> residual_norm_;
    PeerCalls calls_;
    int latest_us_;
    std::vector<std::byte> own_;
    std::byte poison_{0xff};
    PeerRound round_;
    std::string wrong_;
    std::unique_ptr<PeerKernels> kernels_;
    std::unique_ptr<Device> device_ = make_host_device();
    std::unique_ptr<Stream> stream_ = device_->make_stream();
};

}  // namespace moe
