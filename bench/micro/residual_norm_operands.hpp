#pragma once

#include "kernels/runtime/device.hpp"

#include <cstddef>
#include <cstdint>

namespace moe {

/// Rows of memory that the operands of a residual_norm of `rows` rows take.
constexpr std::int64_t residual_norm_rows(std::int64_t rows) {
    return 4 * rows + 1;
}
/// The operands, one after the other in residual_norm_rows() rows.
[[nodiscard]] inline ResidualNorm residual_norm_in(const Matrix& memory, std::int64_t rows) {
    return {.rows = memory.slice(0, rows),
            .residual = memory.slice(rows, rows),
            .weight = memory.slice(4 * rows, 1),
            .eps = 1e-6F,
            .hidden = memory.slice(2 * rows, rows),
            .normed = memory.slice(3 * rows, rows)};
}
/// Bytes that it moves: two matrices read, two written.
[[nodiscard]] inline double residual_norm_bytes(const ResidualNorm& norm) {
    return 4 * static_cast<double>(norm.rows.bytes());
}

}  // namespace moe
