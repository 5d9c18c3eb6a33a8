#pragma once

#include <cuda_runtime_api.h>

namespace moe::cuda {

/// Enqueues Device::delay: one thread looks at the device's clock until so much time has passed.
void launch_delay(double seconds, cudaStream_t stream);

}  // namespace moe::cuda
