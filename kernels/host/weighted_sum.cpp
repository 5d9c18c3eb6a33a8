#include "kernels/host/weighted_sum.hpp"

#include "kernels/host/row_ops.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

namespace moe {
namespace {

/// Columns summed at a time: the accumulator stays in the L1 cache.
constexpr std::int64_t kBlockCols = 1024;

/// sum [count] = the weighted sum of columns [col, col + count) of the entries of `row`.
void add_entries(const WeightedRows& rows, std::int64_t row, const Matrix& dense, std::int64_t col,
                 std::int64_t count, float* sum) {
    std::fill_n(sum, count, 0.0F);
    auto entry = rows.offsets[row];
    const auto end = rows.offsets[row + 1];
    const auto add = [&](auto at_once) {
        constexpr int kRows = decltype(at_once)::value;
        for (; entry + kRows <= end; entry += kRows) {
            std::array<float, kRows> weights{};
            std::array<const float*, kRows> from{};
            for (int i = 0; i < kRows; ++i) {
                const auto slot = static_cast<std::size_t>(i);
                weights[slot] = rows.weights[entry + i];
                from[slot] = dense.as<float>() + rows.indices[entry + i] * dense.cols + col;
            }
            add_scaled<kRows>(weights, from, sum, count);
        }
    };
    add(std::integral_constant<int, 4>{});
    add(std::integral_constant<int, 1>{});
}

}  // namespace

void weighted_sum(const WeightedRows& rows, const Matrix& dense, const Matrix& to) {
    MOE_EXPECT(dense.dtype == DType::f32 && dense.cols == to.cols,
               "dense rows are f32 on the host");
    visit_dtype(to.dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        std::array<float, kBlockCols> sum{};
        for (std::int64_t row = 0; row < rows.rows; ++row) {
            for (std::int64_t col = 0; col < to.cols; col += kBlockCols) {
                const auto count = std::min(kBlockCols, to.cols - col);
                add_entries(rows, row, dense, col, count, sum.data());
                round_to(sum.data(), to.as<T>() + row * to.cols + col, count);
            }
        }
    });
}

}  // namespace moe
