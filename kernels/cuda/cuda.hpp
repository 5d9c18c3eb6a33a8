#pragma once

#include "kernels/runtime/device.hpp"

#include <cuda_runtime_api.h>

#include <array>
#include <memory>
#include <optional>
#include <string>

namespace moe::cuda {

/// Throws a LibraryError with CUDA's own text unless status is cudaSuccess.
void check(cudaError_t status, const char* file, int line, const char* expression);

/// Why this process can use no GPU: no driver, or no device; empty where it can.
[[nodiscard]] std::string why_no_device();
/// GPUs that this process can see; a BadArgument that says what is missing where there is none.
[[nodiscard]] int count_devices();
/// The same for all processes that see the same GPU, whatever number they know it by.
using DeviceId = std::array<char, 16>;
[[nodiscard]] DeviceId device_id(int ordinal);
/// Its place in the machine, as 0000:1B:00.0, the same for all processes.
using BusId = std::array<char, 16>;
[[nodiscard]] BusId bus_id(int ordinal);
/// Whether the calling thread's device can use the memory of the one there, or is it. Nothing where
/// that one is hidden from this process.
[[nodiscard]] std::optional<bool> can_reach(const BusId& other);
/// Whether NVLinks leave the calling thread's device; false where it is unknown.
[[nodiscard]] bool has_nvlink();
/// CUDA runtime 13.0, driver 13.0
[[nodiscard]] std::string versions();
/// Fills memory that no Device allocated with zeros, and waits until it is.
void clear_memory(void* data, std::size_t bytes);
/// Makes `ordinal` the calling thread's device for good. `patience_seconds`: how long it waits
/// behind a closed StreamGate.
[[nodiscard]] std::unique_ptr<Device> make_device(int ordinal, double patience_seconds);
/// Of the calling thread's device: multiprocessors, the bytes of shared memory that a block can
/// have, and the compute capability, as 9.0.
[[nodiscard]] int sm_count();
[[nodiscard]] int shared_memory_of_block();
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
