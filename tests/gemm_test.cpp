// Compiled twice: against the kernels that this build has, and against the plain loops.
#include "kernels/host/gemm.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace moe {
namespace {

TEST(Gemm, AgreesWithTheDefinitionForFewAndManyRows) {
    for (const std::int64_t m : {0, 1, 3, 4, 17}) {
        for (const std::int64_t k : {0, 1, 5, 33}) {
            constexpr std::int64_t kN = 7;
            const auto a_stride = k + 2;
            constexpr std::int64_t kOutStride = kN + 3;
            std::vector<float> a(static_cast<std::size_t>(m * a_stride));
            std::vector<float> w(static_cast<std::size_t>(kN * k));
            std::iota(a.begin(), a.end(), -3.0F);
            std::iota(w.begin(), w.end(), -5.0F);
            std::vector<float> out(static_cast<std::size_t>(m * kOutStride), 99);
            multiply({a.data(), a_stride, w.data(), out.data(), kOutStride, m, kN, k});
            for (std::int64_t i = 0; i < m; ++i) {
                for (std::int64_t j = 0; j < kN; ++j) {
                    float want = 0;
                    for (std::int64_t x = 0; x < k; ++x) {
                        want += a[static_cast<std::size_t>(i * a_stride + x)] *
                                w[static_cast<std::size_t>(j * k + x)];
                    }
                    EXPECT_EQ(out[static_cast<std::size_t>(i * kOutStride + j)], want);
                }
                EXPECT_EQ(out[static_cast<std::size_t>(i * kOutStride + kN)], 99)
                    << "wrote between rows";
            }
        }
    }
}

}  // namespace
}  // namespace moe
