// Peer kernels of the host under ThreadSanitizer: threads of one process stand for ranks. Rounds of
// changing kernels, shapes and places, with other data in each; what a contract allows to be
// overwritten is poisoned at once. A barrier that is missing, or that does not order what lies on
// both sides of it, is a data race, or a wrong sum.
#include "kernels/host/host_device.hpp"
#include "kernels/host/peer_kernels.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace moe {
namespace {

constexpr std::uint64_t kRounds = 1000;
constexpr std::int64_t kMostRows = 24;
constexpr std::int64_t kMostCols = 100;
constexpr std::size_t kMostOffset = 256;
constexpr std::size_t kBlockBytes = kMostOffset + kMostRows * kMostCols * sizeof(float) + 64;

enum class Kernel : std::uint8_t {
    pull_sum,
    push_copy,
    barrier,
    push,
    one_shot,
    two_shot,
    push_sum
};
constexpr std::uint64_t kKernels = 7;

/// What all ranks do in one round: with a matrix whose row 0 lies `offset` bytes into their blocks.
struct Round {
    std::uint64_t number{};
    Kernel kernel{};
    bool balanced{};  ///< of a push_sum
    DType dtype{};
    std::int64_t cols{};
    std::size_t offset{};
    std::vector<std::int64_t> first;  ///< [ranks + 1] rank r owns the rows from first[r] on
};

/// Rounds, the same ones for everybody who begins with the same seed.
class Rounds {
public:
    Rounds(int ranks, unsigned seed) : ranks_(ranks), random_(seed) {}

    Round next() {
        Round round;
        round.number = number_++;
        round.kernel = static_cast<Kernel>(below(kKernels));
        round.balanced = below(2) == 0;
        round.dtype = dtypes()[below(dtypes().size())].dtype;
        round.cols = std::array<std::int64_t, 5>{1, 3, 16, 33, kMostCols}[below(5)];
        round.offset = below(kMostOffset / sizeof(float)) * size_of(round.dtype);
        round.first.push_back(0);
        const auto kind = below(5);
        const auto chosen = below(static_cast<std::uint64_t>(ranks_));
        for (std::uint64_t rank = 0; rank < static_cast<std::uint64_t>(ranks_); ++rank) {
            const auto some = static_cast<std::int64_t>(below(kMostRows / 4 + 1));
            round.first.push_back(round.first.back() + rows(kind, rank == chosen, some));
        }
        return round;
    }

private:
    /// Of a rank where all have as many, one has all, one has none, nobody has any, or each has
    /// `some`.
    static std::int64_t rows(std::uint64_t kind, bool chosen, std::int64_t some) {
        if (kind == 0) return 4;
        if (kind == 1) return chosen ? kMostRows : 0;
        if (kind == 2 && chosen) return 0;
        return kind == 3 ? 0 : some;
    }
    std::uint64_t below(std::uint64_t end) { return random_() % end; }

    int ranks_;
    std::uint64_t number_{};
    std::mt19937 random_;
};

/// What rank `rank` has at an element of a round's matrix, from 1 to 16: sums of a few are exact in
/// every type.
float value(std::uint64_t round, int rank, std::int64_t element) {
    auto bits = (round * 4 + static_cast<std::uint64_t>(rank)) * 0x9e3779b97f4a7c15U;
    bits = (bits ^ static_cast<std::uint64_t>(element)) * 0xbf58476d1ce4e5b9U;
    return static_cast<float>(1 + (bits >> 60U));
}

/// Memory that all ranks reach, as a window would give it to them.
struct Blocks {
    struct alignas(64) Flag {
        std::uint32_t epoch{};
    };
    Blocks(int ranks, std::size_t bytes, std::uint32_t epoch)
        : memory(static_cast<std::size_t>(ranks), std::vector<std::byte>(bytes)),
          flag(static_cast<std::size_t>(ranks), Flag{epoch}) {
        for (auto& block : memory) data.push_back(block.data());
        for (auto& one : flag) flags.push_back(&one.epoch);
    }
    [[nodiscard]] PeerTable of(int rank) const {
        return {.data = data, .flags = flags, .rank = rank};
    }

    std::vector<std::vector<std::byte>> memory;
    std::vector<Flag> flag;
    std::vector<std::byte*> data;
    std::vector<std::uint32_t*> flags;
};

/// What one rank is given: the blocks, and what all-reduces have for themselves.
struct Tables {
    PeerTable blocks;
    PushInbox inbox;
    PeerTable parts;
    PeerTable owners_inbox;
};

/// Of an inbox in which any push_sum finds room.
std::size_t half_bytes(int ranks) {
    const auto count = static_cast<std::size_t>(ranks);
    return (count + 1) * PushInbox::slot_for(kBlockBytes + count * PushPlan::kVector);
}

class Rank {
public:
    Rank(const Tables& tables, unsigned seed)
        : table_(tables.blocks),
          inbox_(tables.inbox),
          parts_(tables.parts),
          owners_inbox_(tables.owners_inbox),
          seed_(seed),
          random_(seed + 1U + static_cast<unsigned>(table_.rank)),
          own_(kBlockBytes) {}

    /// Empty, or what was wrong first.
    std::string run() {
        Rounds rounds(table_.ranks(), seed_);
        poison(block());
        for (std::uint64_t i = 0; i < kRounds; ++i) {
            round_ = rounds.next();
            if (round_.kernel == Kernel::pull_sum) pull_sum();
            if (round_.kernel == Kernel::push_copy) push_copy();
            if (round_.kernel == Kernel::barrier) publish();
            if (round_.kernel == Kernel::push_sum) {
                push_sum();
            } else if (round_.kernel >= Kernel::push) {
                all_reduce();
            }
            poison_ = ~poison_;
            poison(block());
        }
        return wrong_;
    }

private:
    void pull_sum() {
        fill(matrix_in(me()), me(), 0);
        const auto to = private_rows(rows(me()));
        delay();
        kernels_->pull_sum(table_, owned(to), *stream_);
        poison(block());
        delay();
        check_sums(to, first_element(me()));
        check_poisoned(own_, 0, to.bytes());
    }

    void push_sum() {
        std::vector<std::byte> partial(matrix_in(me()).bytes());
        const Matrix in{partial.data(), round_.first.back(), round_.cols, round_.dtype};
        fill(in, me(), 0);
        const auto to = private_rows(rows(me()));
        const auto shape = round_.balanced ? PushShape::balanced : PushShape::direct;
        const PushPlan plan(shape, round_.first, in.row_bytes());
        const std::vector halves(static_cast<std::size_t>(table_.ranks()),
                                 half_bytes(table_.ranks()));
        delay();
        kernels_->push_sum(owners_inbox_, {.in = in, .plan = plan, .half_bytes = halves, .out = to},
                           *stream_);
        std::ranges::fill(partial, poison_);
        delay();
        check_sums(to, first_element(me()));
        check_poisoned(own_, 0, to.bytes());
    }

    void push_copy() {
        const auto from = private_rows(rows(me()));
        fill(from, me(), first_element(me()));
        delay();
        kernels_->push_copy(table_, owned(from), *stream_);
        poison(own_);
        delay();
        for (int rank = 0; rank < table_.ranks(); ++rank) check_rows(me(), rank);
        check_poisoned(block(), round_.offset, matrix_in(me()).bytes());
    }

    /// Of what lies where the blocks begin, or, for a push, of what a rank has for itself.
    void all_reduce() {
        round_.offset = 0;
        const auto to = private_rows(round_.first.back());
        const auto in = round_.kernel == Kernel::push ? to : matrix_in(me());
        fill(in, me(), 0);
        delay();
        if (round_.kernel == Kernel::push) kernels_->all_reduce_push(inbox_, in, to, *stream_);
        if (round_.kernel == Kernel::one_shot) kernels_->all_reduce_one_shot(table_, to, *stream_);
        if (round_.kernel == Kernel::two_shot) {
            kernels_->all_reduce_two_shot(table_, parts_, to, *stream_);
        }
        poison(block());
        delay();
        check_sums(to, 0);
        check_poisoned(own_, 0, to.bytes());
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

    /// The rows of `owner` in the block of `rank`.
    void check_rows(int rank, int owner) {
        check(rows_in(rank, owner), first_element(owner),
              [&](std::int64_t element) { return value(round_.number, owner, element); });
    }

    [[nodiscard]] int me() const { return table_.rank; }
    [[nodiscard]] std::span<std::byte> block() const {
        return {table_.data[static_cast<std::size_t>(me())], kBlockBytes};
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
        return {table_.data[static_cast<std::size_t>(rank)] + round_.offset, round_.first.back(),
                round_.cols, round_.dtype};
    }
    [[nodiscard]] Matrix rows_in(int rank, int owner) const {
        return matrix_in(rank).slice(first_row(owner), rows(owner));
    }
    /// Of this rank, outside the blocks; poisoned.
    [[nodiscard]] Matrix private_rows(std::int64_t count) {
        poison(own_);
        return {own_.data(), count, round_.cols, round_.dtype};
    }
    [[nodiscard]] OwnRows owned(const Matrix& rows) const {
        std::int64_t most = 0;
        for (int rank = 0; rank < table_.ranks(); ++rank) most = std::max(most, this->rows(rank));
        return {.rows = rows, .offset = round_.offset + offset_of_rows(me()), .most_rows = most};
    }

    void poison(std::span<std::byte> bytes) const {
        std::fill(bytes.begin(), bytes.end(), poison_);
    }

    void fill(const Matrix& matrix, int rank, std::int64_t first) const {
        visit_dtype(matrix.dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            for (std::int64_t i = 0; i < matrix.elements(); ++i) {
                matrix.as<T>()[i] = T(value(round_.number, rank, first + i));
            }
        });
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
                sum += value(round_.number, rank, element);
            }
            return sum;
        });
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
        wrong_ =
            fmt::format("rank {} of {}, seed {}, round {}, kernel {}: {}", me(), table_.ranks(),
                        seed_, round_.number, static_cast<int>(round_.kernel), what);
    }

    /// Lets this rank be late now and then.
    void delay() {
        const auto chance = random_() % 16;
        if (chance == 0) std::this_thread::sleep_for(std::chrono::microseconds(random_() % 100));
        if (chance == 1) std::this_thread::yield();
    }

    PeerTable table_;
    PushInbox inbox_;
    PeerTable parts_, owners_inbox_;
    unsigned seed_;
    std::mt19937 random_;
    std::vector<std::byte> own_;
    std::byte poison_{0xff};
    Round round_;
    std::string wrong_;
    std::unique_ptr<PeerKernels> kernels_ = make_host_peer_kernels(std::this_thread::yield);
    std::unique_ptr<Device> device_ = make_host_device();
    std::unique_ptr<Stream> stream_ = device_->make_stream();
};

/// With epochs that begin at `epoch`: a round passes two barriers at most.
void expect_right(int ranks, std::uint32_t epoch) {
    const auto seed = static_cast<unsigned>(ranks) + epoch;
    const Blocks blocks(ranks, kBlockBytes, epoch);
    const Blocks inboxes(ranks, PushInbox::bytes_for(ranks, kBlockBytes), epoch);
    const Blocks owners_inboxes(ranks, 2 * half_bytes(ranks), epoch);
    const Blocks parts(ranks, PeerKernels::two_shot_part_bytes(ranks, kBlockBytes), epoch);
    std::vector<std::string> wrong(static_cast<std::size_t>(ranks));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < ranks; ++rank) {
        threads.emplace_back([&, rank] {
            wrong[static_cast<std::size_t>(rank)] =
                Rank({.blocks = blocks.of(rank),
                      .inbox = {inboxes.of(rank), PushInbox::slot_for(kBlockBytes)},
                      .parts = parts.of(rank),
                      .owners_inbox = owners_inboxes.of(rank)},
                     seed)
                    .run();
        });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& text : wrong) EXPECT_EQ(text, "");
}

class PeerStress : public testing::TestWithParam<int> {};

TEST_P(PeerStress, EpochsWrapAround) {
    expect_right(GetParam(), 0xffffffffU - kRounds);
}
TEST_P(PeerStress, EpochsPassTheLargestSignedNumber) {
    expect_right(GetParam(), 0x7fffffffU - kRounds);
}

INSTANTIATE_TEST_SUITE_P(Threads, PeerStress, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace moe
