#pragma once

#include "kernels/runtime/matrix.hpp"

#include <cuda_runtime_api.h>

#include <cstddef>

namespace moe::cuda {

/// As many as fit into a kernel's arguments beside the rest (4 KiB).
constexpr std::size_t kMaxOperands = 256;

struct Operands {
    const std::byte* data[kMaxOperands];
    std::size_t count;
};

/// Enqueues to = sum of `operands`, which are shaped like it; see Device::sum.
void launch_sum(const Operands& operands, const Matrix& to, cudaStream_t stream);

}  // namespace moe::cuda
