// The residual addition and RMSNorm of every backend against double precision, on rows that fit
// into a block's registers and rows that do not; and what the comparison finds wrong.
#include "bench/verify/residual_norm.hpp"
#include "tests/kernel_rig.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace moe {
namespace {

ResidualNorm operands_of(Rig& rig, DType dtype, std::int64_t rows, std::int64_t cols) {
    auto weight = random_values(cols, 3, 1.0F / 256);
    for (auto& value : weight) value += 1;
    return {.rows = rig.matrix(rows, cols, dtype, random_values(rows * cols, 1)),
            .residual = rig.matrix(rows, cols, dtype, random_values(rows * cols, 2)),
            .weight = rig.matrix(1, cols, dtype, weight),
            .eps = 1e-6F,
            .hidden = rig.matrix(rows, cols, dtype),
            .normed = rig.matrix(rows, cols, dtype)};
}

std::string run(Rig& rig, const ResidualNorm& norm) {
    rig.device().residual_norm(norm, rig.stream());
    rig.stream().synchronize();
    return compare_residual_norm(rig.device(), norm);
}

TEST(ResidualNorm, IsRightForRowsOfAnyLength) {
    for_each_backend([](Rig& rig, DType dtype) {
        for (const std::int64_t cols : {1, 5, 264, 2880, 8192, 8200, 20'000}) {
            for (const std::int64_t rows : {0, 1, 7}) {
                EXPECT_EQ(run(rig, operands_of(rig, dtype, rows, cols)), "")
                    << rows << " rows of " << cols;
            }
        }
    });
}

TEST(ResidualNorm, OfZerosIsZeros) {
    for_each_backend([](Rig& rig, DType dtype) {
        auto norm = operands_of(rig, dtype, 2, 40);
        norm.residual = norm.rows = rig.matrix(2, 40, dtype, std::vector<float>(80));
        EXPECT_EQ(run(rig, norm), "") << "eps keeps it from a division by zero";
    });
}

TEST(ResidualNorm, IsFoundWrong) {
    for_each_backend([](Rig& rig, DType dtype) {
        constexpr std::int64_t kRows = 3, kCols = 40;
        const auto norm = operands_of(rig, dtype, kRows, kCols);
        ASSERT_EQ(run(rig, norm), "");
        auto other = norm;
        other.weight = rig.matrix(1, kCols, dtype, std::vector<float>(kCols, 1.5F));
        EXPECT_EQ(compare_residual_norm(rig.device(), other).find("RMSNorm: row 0"), 0U);
        other = norm;
        other.eps = 1;
        EXPECT_EQ(compare_residual_norm(rig.device(), other).find("RMSNorm: row 0"), 0U);
        other = norm;
        other.rows = norm.residual;
        EXPECT_EQ(compare_residual_norm(rig.device(), other).find("residual sum: row 0"), 0U);
        rig.device().fill_bytes(norm.normed.slice(kRows - 1, 1), std::byte{0xff}, rig.stream());
        rig.stream().synchronize();
        EXPECT_EQ(compare_residual_norm(rig.device(), norm).find("RMSNorm: row 2 column 0"), 0U);
    });
}

}  // namespace
}  // namespace moe
