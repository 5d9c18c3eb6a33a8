// What there is to know of this machine's GPUs before one is used.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/nvml.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moe::cuda {
namespace {

int current() {
    int device = 0;
    MOE_CUDA(cudaGetDevice(&device));
    return device;
}

int attribute(cudaDeviceAttr which) {
    int value = 0;
    MOE_CUDA(cudaDeviceGetAttribute(&value, which, current()));
    return value;
}

std::string version(int number) {
    return fmt::format("{}.{}", number / 1000, number % 1000 / 10);
}

}  // namespace

std::string why_no_device() {
    int driver = 0;
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
        return "no NVIDIA driver on this machine";
    }
    int count = 0;
    const auto status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess) return cudaGetErrorString(status);
    return count == 0 ? "no GPU is visible" : "";
}

int count_devices() {
    const auto why = why_no_device();
    if (!why.empty()) throw BadArgument(fmt::format("the cuda backend has no GPU: {}", why));
    int count = 0;
    MOE_CUDA(cudaGetDeviceCount(&count));
    return count;
}

DeviceId device_id(int ordinal) {
    cudaDeviceProp properties{};
    MOE_CUDA(cudaGetDeviceProperties(&properties, ordinal));
    DeviceId id{};
    std::copy_n(static_cast<const char*>(properties.uuid.bytes), id.size(), id.begin());
    return id;
}

BusId bus_id(int ordinal) {
    BusId id{};
    MOE_CUDA(cudaDeviceGetPCIBusId(id.data(), static_cast<int>(id.size()), ordinal));
    return id;
}

std::optional<bool> can_reach(const BusId& other) {
    const int mine = current();
    int ordinal = 0;
    if (cudaDeviceGetByPCIBusId(&ordinal, other.data()) != cudaSuccess) {
        static_cast<void>(cudaGetLastError());  // else the next call would be blamed for it
        return std::nullopt;
    }
    if (ordinal == mine) return true;
    int can = 0;
    MOE_CUDA(cudaDeviceCanAccessPeer(&can, mine, ordinal));
    return can == 1;
}

bool has_nvlink() {
    return nvml_has_nvlink(current());
}

std::string versions() {
    int runtime = 0;
    int driver = 0;
    MOE_CUDA(cudaRuntimeGetVersion(&runtime));
    MOE_CUDA(cudaDriverGetVersion(&driver));
    return fmt::format("CUDA runtime {}, driver {}", version(runtime), version(driver));
}

int sm_count() {
    return attribute(cudaDevAttrMultiProcessorCount);
}

int shared_memory_of_block() {
    return attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
}

Capability capability() {
    return {attribute(cudaDevAttrComputeCapabilityMajor),
            attribute(cudaDevAttrComputeCapabilityMinor)};
}

}  // namespace moe::cuda
