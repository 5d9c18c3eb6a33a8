#pragma once

#include "kernels/runtime/device.hpp"

#include <cuda_runtime_api.h>

namespace moe::cuda {

/// Enqueues Device::residual_norm.
void launch_residual_norm(const ResidualNorm& norm, cudaStream_t stream);

}  // namespace moe::cuda
