#pragma once

#include "kernels/runtime/device.hpp"

#include <cuda_runtime_api.h>

#include <span>

namespace moe::cuda {

/// Enqueues Device::copy_all: one launch for every 120 copies.
void launch_copies(std::span<const Copy> copies, cudaStream_t stream);
/// Enqueues Device::fill_bytes.
void launch_fill(const Matrix& target, std::byte value, cudaStream_t stream);

}  // namespace moe::cuda
