#pragma once

#include "kernels/runtime/matrix.hpp"

#include <cuda_runtime_api.h>

namespace moe::cuda {

/// Enqueues out [rows, I] = silu(gate) * up of gate_up [rows, 2*I], gate columns first.
void launch_swiglu(const Matrix& gate_up, const Matrix& out, cudaStream_t stream);

}  // namespace moe::cuda
