#pragma once

#include "kernels/runtime/matrix.hpp"

#include <cuda_runtime_api.h>

#include <cstdint>

namespace moe::cuda {

/// weight [rows] of the shared expert = sigmoid(x [rows, H] * gate [H]); 1 where `gate` is null or
/// valid[row] is 0.
void launch_shared_gate(const Matrix& x, const std::byte* gate, const std::uint8_t* valid,
                        float* weight, cudaStream_t stream);

}  // namespace moe::cuda
