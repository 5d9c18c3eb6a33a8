#include "kernels/host/weighted_sum.hpp"

#include "kernels/host/prefetch.hpp"
#include "kernels/host/row_ops.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

namespace moe {
namespace {

/// Columns summed at a time: the sums in f32 stay in the L1 cache.
constexpr std::int64_t kBlockCols = 4096;
/// Entries between the one that is added and the one whose dense row is fetched. Dense rows lie
/// anywhere, so the core's own prefetcher does not find the next one.
constexpr std::int64_t kAhead = 4;

/// A block of the dense rows' columns, from `first` on.
struct Columns {
    const WeightedRows& rows;
    const Matrix& dense;
    std::int64_t first, count;

    [[nodiscard]] const float* of(std::int64_t entry) const {
        return dense.as<float>() + rows.indices[entry] * dense.cols + first;
    }
};

/// sum [cols.count] += the weighted dense rows of entries [entry, entry + kRows).
template <int kRows>
void add_entries(const Columns& cols, std::int64_t entry, float* sum) {
    const auto last = std::int64_t{cols.rows.offsets[cols.rows.rows]} - 1;
    std::array<float, kRows> weights{};
    std::array<const float*, kRows> from{}, next{};
    for (std::size_t i = 0; i < kRows; ++i) {
        const auto at = entry + static_cast<std::int64_t>(i);
        weights[i] = cols.rows.weights[at];
        from[i] = cols.of(at);
        next[i] = cols.of(std::min(at + kAhead, last));
    }
    for_each_step(cols.count, [&](std::int64_t at, std::int64_t count) {
        for (const auto* row : next) prefetch(row + at, count);
        add_scaled<kRows>(weights, from, sum + at, count);
        for (auto& row : from) row += count;
    });
}

template <class T>
void weighted_row_of(const WeightedRows& rows, std::int64_t row, const Matrix& dense, T* to) {
    std::array<float, kBlockCols> sum;
    for (std::int64_t col = 0; col < dense.cols; col += kBlockCols) {
        const Columns cols{rows, dense, col, std::min(kBlockCols, dense.cols - col)};
        std::fill_n(sum.data(), cols.count, 0.0F);
        auto entry = std::int64_t{rows.offsets[row]};
        const auto end = std::int64_t{rows.offsets[row + 1]};
        const auto add = [&](auto at_once) {
            constexpr int kRows = decltype(at_once)::value;
            for (; entry + kRows <= end; entry += kRows) {
                add_entries<kRows>(cols, entry, sum.data());
            }
        };
        add(std::integral_constant<int, 4>{});
        add(std::integral_constant<int, 2>{});
        add(std::integral_constant<int, 1>{});
        round_to(sum.data(), to + col, cols.count);
    }
}

}  // namespace

void weighted_row(const WeightedRows& rows, std::int64_t row, const Matrix& dense,
                  const Matrix& to) {
    MOE_EXPECT(dense.dtype == DType::f32 && dense.cols == to.cols,
               "dense rows are f32 on the host");
    visit_dtype(to.dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        weighted_row_of(rows, row, dense, to.as<T>());
    });
}

void weighted_sum(const WeightedRows& rows, const Matrix& dense, const Matrix& to) {
    for (std::int64_t row = 0; row < rows.rows; ++row) {
        weighted_row(rows, row, dense, to.slice(row, 1));
    }
}

}  // namespace moe
