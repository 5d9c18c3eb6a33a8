#pragma once

#include "kernels/host/residual_norm.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace moe {

/// Some rows of a result.
struct ResultRows {
    std::int64_t first, count;

    static ResultRows of_bytes(std::size_t offset, std::size_t bytes, std::size_t row_bytes) {
        return {static_cast<std::int64_t>(offset / row_bytes),
                static_cast<std::int64_t>(bytes / row_bytes)};
    }
    [[nodiscard]] std::size_t first_byte(const Matrix& matrix) const {
        return static_cast<std::size_t>(first) * matrix.row_bytes();
    }
    [[nodiscard]] Matrix of(const Matrix& matrix) const { return matrix.slice(first, count); }
};

/// make(rows) completes rows of a result: all at once, or some after others where a norm ends the
/// pass, which then finds their sums in a cache.
template <class Make>
void complete(const ResidualNorm* norm, const ResultRows& rows, Make&& make) {
    // Of sums that a core's second cache still has when the last of them is complete.
    constexpr std::int64_t kCachedBytes = std::int64_t{64} << 10U;
    if (norm == nullptr) {
        make(rows);
        return;
    }
    const auto at_once =
        std::max<std::int64_t>(kCachedBytes / static_cast<std::int64_t>(norm->rows.row_bytes()), 1);
    for (std::int64_t done = 0; done < rows.count; done += at_once) {
        const ResultRows some{rows.first + done, std::min(at_once, rows.count - done)};
        make(some);
        residual_norm(norm->slice(some.first, some.count));
    }
}

}  // namespace moe
