#pragma once

#include "kernels/runtime/matrix.hpp"
#include "kernels/runtime/weighted_rows.hpp"

#include <cuda_runtime_api.h>

namespace moe::cuda {

/// Enqueues Device::weighted_sum; dense and to are of one type and width.
void launch_weighted_sum(const WeightedRows& rows, const Matrix& dense, const Matrix& to,
                         cudaStream_t stream);

}  // namespace moe::cuda
