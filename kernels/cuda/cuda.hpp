#pragma once

#include "kernels/runtime/device.hpp"

#include <cuda_runtime_api.h>

#include <memory>

namespace moe::cuda {

/// Throws an Error with CUDA's own text unless status is cudaSuccess.
void check(cudaError_t status, const char* file, int line, const char* expression);

/// GPUs that this process can see; a BadArgument that says what is missing where there is none.
[[nodiscard]] int count_devices();
/// Makes `ordinal` the calling thread's device for good.
[[nodiscard]] std::unique_ptr<Device> make_device(int ordinal);
/// Of the calling thread's device: multiprocessors, and the compute capability, as 9.0.
[[nodiscard]] int count_processors();
struct Capability {
    int major{};
    int minor{};
};
[[nodiscard]] Capability capability();
[[nodiscard]] inline cudaStream_t native(const Stream& stream) {
    return static_cast<cudaStream_t>(stream.native());
}

}  // namespace moe::cuda

#define MOE_CUDA(call) ::moe::cuda::check((call), __FILE__, __LINE__, #call)
