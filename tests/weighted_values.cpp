#include "tests/weighted_values.hpp"

#include "tests/mixed_bits.hpp"

#include <algorithm>

namespace moe {
namespace {

float drawn(std::uint32_t row_key, std::size_t col) {
    return static_cast<float>(1 + (mixed_bits(row_key, static_cast<std::uint32_t>(col)) >> 30U));
}

}  // namespace

WeightedValues::WeightedValues(std::uint64_t seed, std::int64_t rows, std::int64_t cols)
    : key_(mixed_key(seed)), rows_(rows), cols_(static_cast<std::size_t>(cols)) {}

std::int64_t WeightedValues::entries(int rank, std::int64_t row) const {
    // Places of rows come before those of dense rows, which are not below 0.
    return row_key(rank, ~row) % (kMostEntries + 2) % (kMostEntries + 1);
}

std::uint32_t WeightedValues::row_key(int rank, std::int64_t index) const {
    return mixed_bits(mixed_bits(key_, static_cast<std::uint32_t>(rank)),
                      static_cast<std::uint32_t>(index));
}

WeightedValues::Routing WeightedValues::routing(int rank) const {
    Routing routing;
    for (std::int64_t row = 0; row < rows_; ++row) {
        for (std::int64_t entry = 0; entry < entries(rank, row); ++entry) {
            routing.indices.push_back(static_cast<std::int32_t>(index(row, entry)));
        }
        routing.offsets.push_back(static_cast<std::int32_t>(routing.indices.size()));
    }
    return routing;
}

void WeightedValues::write_dense(DType dtype, int rank, std::span<std::byte> to) const {
    visit_dtype(dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        auto* row = reinterpret_cast<T*>(to.data());
        for (std::int64_t i = 0; i < rows_ * kMostEntries; ++i, row += cols_) {
            const auto key = row_key(rank, i);
            for (std::size_t col = 0; col < cols_; ++col)
                row[col] = static_cast<T>(drawn(key, col));
        }
    });
}

void WeightedValues::write_sums(DType dtype, int ranks, std::int64_t first,
                                std::span<std::byte> to) const {
    visit_dtype(dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        std::vector<float> sums(cols_);
        for (auto row = first; !to.empty(); ++row) {
            std::ranges::fill(sums, 0.0F);
            for (int rank = 0; rank < ranks; ++rank) {
                for (std::int64_t entry = 0; entry < entries(rank, row); ++entry) {
                    const auto key = row_key(rank, index(row, entry));
                    for (std::size_t col = 0; col < cols_; ++col) sums[col] += drawn(key, col);
                }
            }
            auto* out = reinterpret_cast<T*>(to.data());
            for (std::size_t col = 0; col < cols_; ++col) out[col] = static_cast<T>(sums[col]);
            to = to.subspan(cols_ * sizeof(T));
        }
    });
}

}  // namespace moe
