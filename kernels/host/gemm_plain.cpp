// For builds without a BLAS, whose experts run on GPUs.
#include "kernels/host/gemm.hpp"

#include <array>

namespace moe {
namespace {

/// Rows of a that are multiplied with a row of w while it is in registers.
constexpr std::int64_t kRows = 4;

/// `Rows` rows of out, from `row` on.
template <std::int64_t Rows>
void multiply_rows(const Gemm& g, std::int64_t row) {
    const float* a = g.a + row * g.a_stride;
    float* out = g.out + row * g.out_stride;
    for (std::int64_t col = 0; col < g.n; ++col) {
        const float* w = g.w + col * g.k;
        std::array<float, Rows> sums{};
        for (std::int64_t i = 0; i < g.k; ++i) {
            for (std::int64_t r = 0; r < Rows; ++r) {
                sums[static_cast<std::size_t>(r)] += a[r * g.a_stride + i] * w[i];
            }
        }
        for (std::int64_t r = 0; r < Rows; ++r) {
            out[r * g.out_stride + col] = sums[static_cast<std::size_t>(r)];
        }
    }
}

}  // namespace

void multiply(const Gemm& g) {
    std::int64_t row = 0;
    for (; row + kRows <= g.m; row += kRows) multiply_rows<kRows>(g, row);
    for (; row < g.m; ++row) multiply_rows<1>(g, row);
}

void use_one_gemm_thread() {}

ExpertsKernel gemm_kernel() {
    return {{"plain_f32"}, false};
}

}  // namespace moe
