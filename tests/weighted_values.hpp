// Weighted rows that ranks have for one call, and what has to come of them.
#pragma once

#include "kernels/runtime/dtype.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace moe {

/// Entries and values drawn by a seed, the rank, the row and the column: whole numbers from 1 to 4,
/// so that every sum of a few is exact. Bytes are those of whole, aligned rows.
class WeightedValues {
public:
    static constexpr std::int64_t kMostEntries = 3;  ///< of a row

    WeightedValues(std::uint64_t seed, std::int64_t rows, std::int64_t cols);

    /// Which dense rows a rank's entries take, and where those of each row begin (CSR).
    struct Routing {
        std::vector<std::int32_t> offsets{0};  ///< [rows + 1]
        std::vector<std::int32_t> indices;
    };
    [[nodiscard]] Routing routing(int rank) const;
    /// Writes the dense rows of a rank, kMostEntries for each row.
    void write_dense(DType dtype, int rank, std::span<std::byte> to) const;
    /// Writes the sums over all of `ranks` ranks from row `first` on, of entries of weight 1.
    void write_sums(DType dtype, int ranks, std::int64_t first, std::span<std::byte> to) const;

private:
    /// How many entries a rank has for a row, often none.
    [[nodiscard]] std::int64_t entries(int rank, std::int64_t row) const;
    [[nodiscard]] std::int64_t index(std::int64_t row, std::int64_t entry) const {
        return entry * rows_ + row;
    }
    [[nodiscard]] std::uint32_t row_key(int rank, std::int64_t index) const;

    std::uint32_t key_;
    std::int64_t rows_;
    std::size_t cols_;
};

}  // namespace moe
