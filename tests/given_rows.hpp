#pragma once

#include "bench/verify/exact.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace moe {

/// How a contract suite makes a combine's input. partial_sums: uploaded as they are. The others are
/// expert rows, which the device's local combine reduces for a strategy of partial sums. identity:
/// one of weight 1 for each row; whole_numbers: several with whole numbers as weights, or none.
enum class Given : std::uint8_t { partial_sums, identity, whole_numbers };
inline constexpr std::array kAllGiven{Given::partial_sums, Given::identity, Given::whole_numbers};

[[nodiscard]] inline std::string_view to_string(Given given) {
    constexpr std::array<std::string_view, 3> kNames{"partial_sums", "identity", "whole_numbers"};
    return kNames[static_cast<std::size_t>(given)];
}

/// Weighted rows of all ranks as values. Every sum over entries and ranks is a whole number that
/// the type holds, so that no order of adding and no rounding in between changes its bits. A pure
/// function of the seed and the position, like ExactData.
class GivenRows {
public:
    GivenRows(Given given, DType dtype, int ranks, std::uint64_t seed)
        : identity_(given != Given::whole_numbers),
          ranks_(ranks),
          seed_(seed),
          exact_(dtype, identity_ ? ranks : ranks * kMaxEntries * kLargestWeight, seed) {}

    /// Entries of a row on a rank at most.
    static constexpr int kMaxEntries = 3;

    [[nodiscard]] int entries(std::int64_t row, int rank) const {
        if (identity_) return 1;
        const auto step = static_cast<std::uint64_t>(row + rank) + seed_;
        return static_cast<int>(step % (kMaxEntries + 1));
    }
    [[nodiscard]] int weight(std::int64_t row, int entry) const {
        constexpr std::array kWeights{1, -kLargestWeight, kLargestWeight};
        return identity_ ? 1 : kWeights[static_cast<std::size_t>(row + entry) % kWeights.size()];
    }
    /// An entry weighs as much as so many contributors do.
    [[nodiscard]] std::int64_t value(std::int64_t row, int entry, std::int64_t col,
                                     int rank) const {
        const int contributor = identity_ ? rank : (rank * kMaxEntries + entry) * kLargestWeight;
        return exact_.value(row, col, contributor);
    }
    /// Index of the expert row that an entry is: not in the order of the rows, unless of identity.
    [[nodiscard]] std::int64_t index(std::int64_t row, int entry, std::int64_t rows) const {
        return entry * rows + (identity_ ? row : rows - 1 - row);
    }
    /// What `rank` contributes to a row.
    [[nodiscard]] std::int64_t partial_sum(std::int64_t row, std::int64_t col, int rank) const {
        std::int64_t sum = 0;
        for (int entry = 0; entry < entries(row, rank); ++entry) {
            sum += weight(row, entry) * value(row, entry, col, rank);
        }
        return sum;
    }
    [[nodiscard]] std::int64_t sum(std::int64_t row, std::int64_t col) const {
        std::int64_t sum = 0;
        for (int rank = 0; rank < ranks_; ++rank) sum += partial_sum(row, col, rank);
        return sum;
    }

private:
    static constexpr int kLargestWeight = 2;

    bool identity_;
    int ranks_;
    std::uint64_t seed_;
    ExactData exact_;
};

}  // namespace moe
