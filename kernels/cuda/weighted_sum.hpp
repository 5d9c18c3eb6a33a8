#pragma once

#include "kernels/runtime/layer_kernels.hpp"

#include <cuda_runtime_api.h>

namespace moe::cuda {

/// Enqueues LayerKernels::weighted_sum; dense and to are of one type and width.
void launch_weighted_sum(const WeightedRows& rows, const Matrix& dense, const Matrix& to,
                         cudaStream_t stream);

}  // namespace moe::cuda
