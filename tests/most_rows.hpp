#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace moe {

/// Rows of the owner that has most. first [ranks + 1]: rank r owns the rows from first[r] on.
inline std::int64_t most_rows_of(std::span<const std::int64_t> first) {
    std::int64_t most = 0;
    for (std::size_t rank = 1; rank < first.size(); ++rank) {
        most = std::max(most, first[rank] - first[rank - 1]);
    }
    return most;
}

}  // namespace moe
