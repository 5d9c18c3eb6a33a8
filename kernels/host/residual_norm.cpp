#include "kernels/host/residual_norm.hpp"

#include "kernels/host/half_packs.hpp"
#include "kernels/host/prefetch.hpp"

#include <algorithm>
#include <cmath>

namespace moe {
namespace {

/// A function, since GCC 12 does not vectorise a simd loop whose body has a T of its own.
template <class T>
void store(float value, T* to) {
    *to = T(value);
}

/// to[i] = T(x[i] + r[i]). Returns the sum of their squares before rounding.
template <class T>
float add_and_square(const T* __restrict x, const T* __restrict r, T* __restrict to,
                     std::int64_t count) {
    float squares = 0;
    const auto first = packs::add_and_square(x, r, to, count, squares);
#pragma omp simd reduction(+ : squares)
    for (auto i = first; i < count; ++i) {
        const float sum = static_cast<float>(x[i]) + static_cast<float>(r[i]);
        squares += sum * sum;
        store(sum, to + i);
    }
    return squares;
}

/// to[i] = T((x[i] + r[i]) * factor * weight[i])
template <class T>
void scale_sum(const T* __restrict x, const T* __restrict r, const T* __restrict weight,
               float factor, T* __restrict to, std::int64_t count) {
    for (auto i = packs::scale_sum(x, r, weight, factor, to, count); i < count; ++i) {
        const float sum = static_cast<float>(x[i]) + static_cast<float>(r[i]);
        to[i] = T(sum * factor * static_cast<float>(weight[i]));
    }
}

/// One row: x and r are read twice, the second time from the core's caches.
template <class T>
struct Row {
    std::int64_t cols;
    const T *x, *r;
    T *h, *y;

    Row(const ResidualNorm& norm, std::int64_t row)
        : cols(norm.rows.cols),
          x(at(norm.rows, row)),
          r(at(norm.residual, row)),
          h(at(norm.hidden, row)),
          y(at(norm.normed, row)) {}

    static T* at(const Matrix& matrix, std::int64_t row) {
        return matrix.as<T>() + row * matrix.cols;
    }
};

/// Writes h. Returns the sum of its squares: the squares of so many columns are added up in f32, of
/// more that would lose digits where nothing makes vectors of the loop.
template <class T>
double squares_of(const Row<T>& row) {
    constexpr std::int64_t kColumns = 1024;
    double squares = 0;
    for (std::int64_t at = 0; at < row.cols; at += kColumns) {
        squares +=
            add_and_square(row.x + at, row.r + at, row.h + at, std::min(kColumns, row.cols - at));
    }
    return squares;
}

/// Fetches row `next` while it scales `row`.
template <class T>
void scale(const Row<T>& row, const T* weight, float factor, const Row<T>& next) {
    for_each_step(row.cols, [&](std::int64_t at, std::int64_t count) {
        prefetch(next.x + at, count);
        prefetch(next.r + at, count);
        scale_sum(row.x + at, row.r + at, weight + at, factor, row.y + at, count);
    });
}

}  // namespace

void residual_norm(const ResidualNorm& norm) {
    visit_dtype(norm.rows.dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        const auto cols = norm.rows.cols;
        const auto last = norm.rows.rows - 1;
        for (std::int64_t i = 0; i <= last; ++i) {
            const Row<T> row(norm, i);
            const auto mean = static_cast<float>(squares_of(row) / static_cast<double>(cols));
            scale(row, norm.weight.as<T>(), 1 / std::sqrt(mean + norm.eps),
                  Row<T>(norm, std::min(i + 1, last)));
        }
    });
}

}  // namespace moe
