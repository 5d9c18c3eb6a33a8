#include "kernels/host/residual_norm.hpp"

#include "kernels/host/row_ops.hpp"
#include "kernels/host/sum_of_squares.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace moe {
namespace {

/// Columns at a time: what is widened of them stays in the L1 cache.
constexpr std::int64_t kBlock = 1024;
using Block = std::array<float, kBlock>;

/// One row, a block of its columns after the other.
template <class T>
class Row {
public:
    Row(const ResidualNorm& norm, std::int64_t row)
        : cols_(norm.rows.cols),
          x_(at(norm.rows, row)),
          r_(at(norm.residual, row)),
          g_(norm.weight.as<T>()),
          h_(at(norm.hidden, row)),
          y_(at(norm.normed, row)) {}

    /// Writes h. Returns the sum of its squares before rounding.
    float add() {
        float squares = 0;
        for (std::int64_t col = 0; col < cols_; col += kBlock) {
            const auto count = add(col);
            squares += sum_of_squares(sum_.data(), count);
            round_to(sum_.data(), h_ + col, count);
        }
        return squares;
    }
    void scale(float factor) {
        Block weight;
        for (std::int64_t col = 0; col < cols_; col += kBlock) {
            const auto count = add(col);
            widen(g_ + col, weight.data(), count);
            for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
                sum_[i] = sum_[i] * factor * weight[i];
            }
            round_to(sum_.data(), y_ + col, count);
        }
    }

private:
    static T* at(const Matrix& matrix, std::int64_t row) {
        return matrix.as<T>() + row * matrix.cols;
    }
    /// sum = x + r from column `col` on; returns of how many.
    std::int64_t add(std::int64_t col) {
        const auto count = std::min(kBlock, cols_ - col);
        widen(x_ + col, sum_.data(), count);
        add_rows<1>(std::array<const T*, 1>{r_ + col}, sum_.data(), count);
        return count;
    }

    std::int64_t cols_;
    const T *x_, *r_, *g_;
    T *h_, *y_;
    Block sum_{};
};

}  // namespace

void residual_norm(const ResidualNorm& norm) {
    visit_dtype(norm.rows.dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        for (std::int64_t i = 0; i < norm.rows.rows; ++i) {
            Row<T> row(norm, i);
            const float mean = row.add() / static_cast<float>(norm.rows.cols);
            row.scale(1 / std::sqrt(mean + norm.eps));
        }
    });
}

}  // namespace moe
