#include "comm/row_partition.hpp"

#include "kernels/runtime/error.hpp"

#include <algorithm>

namespace moe {

RowPartition::RowPartition(std::span<const std::int64_t> rows_by_rank) : offsets_{0} {
    MOE_EXPECT(!rows_by_rank.empty(), "a partition needs at least one rank");
    for (const auto rows : rows_by_rank) {
        MOE_EXPECT(rows >= 0, "a rank cannot own a negative number of rows");
        offsets_.push_back(offsets_.back() + rows);
    }
}

std::int64_t RowPartition::largest() const {
    std::int64_t most = 0;
    for (int rank = 0; rank < ranks(); ++rank) most = std::max(most, rows(rank));
    return most;
}

std::int64_t RowPartition::smallest() const {
    std::int64_t least = rows(0);
    for (int rank = 1; rank < ranks(); ++rank) least = std::min(least, rows(rank));
    return least;
}

int RowPartition::owners() const {
    int owners = 0;
    for (int rank = 0; rank < ranks(); ++rank) owners += rows(rank) > 0 ? 1 : 0;
    return owners;
}

RowPartition RowPartition::padded() const {
    return RowPartition(std::vector(static_cast<std::size_t>(ranks()), largest()));
}

}  // namespace moe
