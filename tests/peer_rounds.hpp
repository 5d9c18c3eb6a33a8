// Rounds of calls of PeerKernels, drawn from a seed: what all ranks call, with which shapes and
// owners, and what each of them brings.
#pragma once

#include "kernels/runtime/dtype.hpp"
#include "tests/most_rows.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace moe {

constexpr std::int64_t kMostRows = 24;
constexpr std::int64_t kMostCols = 104;
/// Of weighted rows: several slices of a row, the last one no whole one, and more vectors than a
/// block has threads (see kernels/cuda/push_weighted_sum.cuh).
constexpr std::int64_t kMostWeightedCols = 2880;
constexpr std::size_t kMostOffset = 256;
/// Of a row of weighted rows.
constexpr std::int64_t kMostEntries = 2;

enum class PeerCall : std::uint8_t {
    pull_sum,
    push_copy,
    barrier,
    all_reduce_push,
    one_shot,
    two_shot,
    push_sum,
    push_weighted_sum,
    pull_weighted_sum
};
constexpr std::uint64_t kPeerCalls = 9;

/// What all ranks do in one round: with a matrix whose row 0 lies `offset` bytes into their blocks.
struct PeerRound {
    std::uint64_t number{};
    PeerCall call{};
    bool balanced{};  ///< of a push
    bool norm{};      ///< ends a pass of owners, where it takes one
    DType dtype{};
    std::int64_t cols{};
    std::size_t offset{};
    std::vector<std::int64_t> first;  ///< [ranks + 1] rank r owns the rows from first[r] on

    [[nodiscard]] bool weighted() const { return call >= PeerCall::push_weighted_sum; }
    [[nodiscard]] std::int64_t rows() const { return first.back(); }
    /// Of an owner.
    [[nodiscard]] std::int64_t most_rows() const { return most_rows_of(first); }
};

/// Which calls rounds draw from.
enum class PeerCalls : std::uint8_t { all, with_norm };

/// Rounds, the same ones for everybody who begins with the same seed.
class PeerRounds {
public:
    PeerRounds(int ranks, unsigned seed, PeerCalls calls = PeerCalls::all)
        : ranks_(ranks), calls_(calls), random_(seed) {}

    PeerRound next() {
        PeerRound round;
        // Often the same as before: no other kernel then keeps a rank from running ahead.
        if (number_ == 0 || below(3) == 0) call_ = any_call();
        round.number = number_++;
        round.call = call_;
        round.balanced = below(2) == 0;
        round.norm = calls_ == PeerCalls::with_norm || below(2) == 0;
        round.dtype = dtypes()[below(dtypes().size())].dtype;
        const auto weighted = [&](std::int64_t of) { return round.weighted() ? of : kMostCols; };
        std::vector<std::int64_t> cols{1, 3, 16, 33, kMostCols, weighted(520)};
        if (calls_ == PeerCalls::with_norm) {
            cols = {16, weighted(264), weighted(520), weighted(1032), weighted(kMostWeightedCols)};
        }
        round.cols = cols.at(below(cols.size()));
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
    PeerCall any_call() {
        if (calls_ == PeerCalls::all) return static_cast<PeerCall>(below(kPeerCalls));
        // Twice the one that has two kernels.
        constexpr std::array kPasses{PeerCall::push_weighted_sum, PeerCall::push_weighted_sum,
                                     PeerCall::pull_sum, PeerCall::push_sum,
                                     PeerCall::pull_weighted_sum};
        return kPasses.at(below(kPasses.size()));
    }
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
    PeerCalls calls_;
    std::uint64_t number_{};
    PeerCall call_{};
    std::mt19937 random_;
};

inline std::uint64_t peer_bits(std::uint64_t round, int rank, std::int64_t which) {
    auto bits = (round * 4 + static_cast<std::uint64_t>(rank)) * 0x9e3779b97f4a7c15U;
    return (bits ^ static_cast<std::uint64_t>(which)) * 0xbf58476d1ce4e5b9U;
}
/// What rank `rank` has at an element of a round's matrix, from 1 to 16: sums of a few are exact in
/// every type.
inline float peer_value(std::uint64_t round, int rank, std::int64_t element) {
    return static_cast<float>(1 + (peer_bits(round, rank, element) >> 60U));
}
/// How many entries rank `rank` has for a row of weighted rows, often none.
inline std::int64_t peer_entries(std::uint64_t round, int rank, std::int64_t row) {
    return static_cast<std::int64_t>((peer_bits(round, rank, ~row) >> 40U) % (kMostEntries + 1));
}
/// Entry i of a row: which dense row of all `rows` * kMostEntries it takes, and times what.
inline std::int64_t peer_index(std::int64_t rows, std::int64_t row, std::int64_t i) {
    return i * rows + row;
}
inline float peer_weight(std::int64_t index) {
    return static_cast<float>(1 + index % 2);
}

}  // namespace moe
