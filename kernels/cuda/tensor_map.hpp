#pragma once

#include "kernels/runtime/matrix.hpp"

#include <cuda.h>

namespace moe::cuda {

/// What TMA has to know of a matrix of 16-bit elements to fetch boxes of `box_rows` rows and
/// `box_cols` columns, swizzled in shared memory by 128 bytes, which is what box_cols columns take.
/// The matrix begins at a multiple of 16 bytes, and so does each of its rows.
[[nodiscard]] CUtensorMap make_tensor_map(const Matrix& matrix, unsigned box_rows,
                                          unsigned box_cols);

}  // namespace moe::cuda
