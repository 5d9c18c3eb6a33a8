#include "bench/verify/residual_norm.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string_view>
#include <vector>

namespace moe {
namespace {

/// Relative error that f32 arithmetic may leave in a factor of a whole row: roundings of random
/// sign in a sum of up to 65536 squares, with room to spare.
constexpr double kArithmetic = 1e-5;

template <class T>
std::vector<T> downloaded(Device& device, const Matrix& matrix) {
    std::vector<T> values(static_cast<std::size_t>(matrix.elements()));
    device.download(matrix.data, reinterpret_cast<std::byte*>(values.data()), matrix.bytes());
    return values;
}

template <class T>
std::string compare(Device& device, const ResidualNorm& norm) {
    const auto x = downloaded<T>(device, norm.rows);
    const auto r = downloaded<T>(device, norm.residual);
    const auto g = downloaded<T>(device, norm.weight);
    const auto h = downloaded<T>(device, norm.hidden);
    const auto y = downloaded<T>(device, norm.normed);
    const auto& type = traits(norm.rows.dtype);
    const double relative = 2 * type.unit_roundoff + kArithmetic;
    const auto cols = g.size();
    std::vector<float> sum(cols);
    for (std::size_t first = 0; first < x.size(); first += cols) {
        double squares = 0;
        for (std::size_t col = 0; col < cols; ++col) {
            sum[col] = static_cast<float>(x[first + col]) + static_cast<float>(r[first + col]);
            squares += static_cast<double>(sum[col]) * static_cast<double>(sum[col]);
        }
        const double factor =
            1 / std::sqrt(squares / static_cast<double>(cols) + static_cast<double>(norm.eps));
        for (std::size_t col = 0; col < cols; ++col) {
            const auto wrong = [&](std::string_view what, float is, double want) {
                return fmt::format("{}: row {} column {} is {}, not {:.6g}", what, first / cols,
                                   col, is, want);
            };
            const auto hidden = static_cast<float>(h[first + col]);
            const auto want_hidden = static_cast<float>(T(sum[col]));
            // Written so that a NaN is wrong too.
            if (!(hidden == want_hidden)) return wrong("residual sum", hidden, want_hidden);
            const auto normed = static_cast<float>(y[first + col]);
            const double want = static_cast<double>(sum[col]) * factor *
                                static_cast<double>(static_cast<float>(g[col]));
            const double error = std::abs(static_cast<double>(normed) - want);
            if (!(error <= relative * std::abs(want) + type.underflow)) {
                return wrong("RMSNorm", normed, want);
            }
        }
    }
    return {};
}

}  // namespace

std::string compare_residual_norm(Device& device, const ResidualNorm& norm) {
    return visit_dtype(norm.rows.dtype, [&](auto tag) {
        return compare<typename decltype(tag)::type>(device, norm);
    });
}

}  // namespace moe
