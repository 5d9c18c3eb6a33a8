#pragma once

#include "comm/row_partition.hpp"
#include "kernels/runtime/device.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace moe {

/// value(row, col) of `rows` rows from `first` on, as bytes of the type.
template <class Value>
[[nodiscard]] std::vector<std::byte> encode_rows(DType dtype, std::int64_t first, std::int64_t rows,
                                                 std::int64_t cols, Value&& value) {
    return visit_dtype(dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        std::vector<std::byte> bytes(static_cast<std::size_t>(rows * cols) * sizeof(T));
        auto* to = reinterpret_cast<T*>(bytes.data());
        for (std::int64_t row = first; row < first + rows; ++row) {
            for (std::int64_t col = 0; col < cols; ++col) {
                *to++ = T(static_cast<float>(value(row, col)));
            }
        }
        return bytes;
    });
}

/// Test data whose sums have the same bits in any order of adding: small whole numbers, few enough
/// of them not zero that every partial sum over the ranks is a whole number the type holds. A pure
/// function of (seed, row, column, rank), so that every rank computes every expected sum by itself
/// and no reference run is needed.
class ExactData {
public:
    ExactData(DType dtype, int ranks, std::uint64_t seed);

    /// What `rank` contributes.
    [[nodiscard]] std::int64_t value(std::int64_t row, std::int64_t col, int rank) const;
    [[nodiscard]] std::int64_t sum(std::int64_t row, std::int64_t col) const;

    /// `rows` rows from `first` on, as bytes of the type: one rank's contribution, or the sums.
    [[nodiscard]] std::vector<std::byte> contribution(std::int64_t first, std::int64_t rows,
                                                      std::int64_t cols, int rank) const;
    [[nodiscard]] std::vector<std::byte> sums(std::int64_t first, std::int64_t rows,
                                              std::int64_t cols) const;

private:
    DType dtype_;
    int ranks_;
    std::uint64_t seed_;
    std::int64_t magnitude_;  ///< largest contribution of one rank
    std::int64_t stride_;     ///< one in so many ranks contributes to an element
};

/// One rank's [rows, cols] of numbers in [-1, 1) as bytes of the type, with as many random bits as
/// an f32 has: sums of three of them depend on the order of adding.
[[nodiscard]] std::vector<std::byte> rough_data(DType dtype, std::int64_t rows, std::int64_t cols,
                                                int rank, std::uint64_t seed);

/// What is wrong with `got`, whose row 0 is row `first` of the whole; empty when its bytes are
/// `want`.
[[nodiscard]] std::string compare_bits(Device& device, const Matrix& got,
                                       const std::vector<std::byte>& want, std::int64_t first);

}  // namespace moe
