#pragma once

#include "kernels/runtime/error.hpp"

#include <cstdint>

namespace moe {

/// A sparse matrix in CSR form, device memory: row r is the sum of weights[i] * dense[indices[i]]
/// over i in [offsets[r], offsets[r + 1]). A view, never an owner.
struct WeightedRows {
    std::int64_t rows{};
    std::int32_t* offsets{};  ///< [rows + 1]
    std::int32_t* indices{};
    float* weights{};

    /// Only where the device's memory is the host's.
    [[nodiscard]] bool has_entries(std::int64_t row) const {
        return offsets[row] < offsets[row + 1];
    }
    /// Rows [first, first + count), of the same dense matrix.
    [[nodiscard]] WeightedRows slice(std::int64_t first, std::int64_t count) const {
        MOE_EXPECT(first >= 0 && count >= 0 && first + count <= rows, "slice outside the rows");
        return {count, offsets + first, indices, weights};
    }
};

}  // namespace moe
