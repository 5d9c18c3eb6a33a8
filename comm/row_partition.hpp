#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moe {

/// How the rows of one matrix are divided: rank r owns rows(r) rows, starting at first(r).
class RowPartition {
public:
    explicit RowPartition(std::span<const std::int64_t> rows_by_rank);

    [[nodiscard]] int ranks() const { return static_cast<int>(offsets_.size()) - 1; }
    [[nodiscard]] std::int64_t first(int rank) const {
        return offsets_[static_cast<std::size_t>(rank)];
    }
    [[nodiscard]] std::int64_t rows(int rank) const { return first(rank + 1) - first(rank); }
    [[nodiscard]] std::int64_t total() const { return offsets_.back(); }
    [[nodiscard]] std::int64_t largest() const;
    [[nodiscard]] std::int64_t smallest() const;
    /// Ranks that own rows at all.
    [[nodiscard]] int owners() const;
    [[nodiscard]] bool even() const { return largest() == smallest(); }
    /// As many rows for every rank as the largest has.
    [[nodiscard]] RowPartition padded() const;

private:
    std::vector<std::int64_t> offsets_;
};

}  // namespace moe
