#pragma once

#include "kernels/cuda/cuda.hpp"

#include <cuda_runtime.h>
#include <nv/target>

#include <cstddef>

namespace moe::cuda {

// Kernels that follow each other on a stream, the later one launched and brought to
// wait_for_earlier() while the earlier one still runs (programmatic dependent launch). Before
// Hopper, one starts when the other has ended.

/// What the earlier kernels of the stream wrote is there. Every thread of a kernel that was
/// launched by launch_overlapped calls it before it reads that, or writes what they use.
__device__ inline void wait_for_earlier() {
    NV_IF_TARGET(NV_PROVIDES_SM_90, (asm volatile("griddepcontrol.wait;" ::: "memory");));
}
/// The later kernel may start as soon as all blocks of this one have come here.
__device__ inline void let_later_start() {
    NV_IF_TARGET(NV_PROVIDES_SM_90,
                 (asm volatile("griddepcontrol.launch_dependents;" ::: "memory");));
}

template <class... Parameters, class... Arguments>
void launch_overlapped(void (*kernel)(Parameters...), std::int64_t blocks, int threads,
                       std::size_t shared_bytes, cudaStream_t stream, Arguments... arguments) {
    cudaLaunchAttribute overlap{};
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(static_cast<unsigned>(blocks));
    config.blockDim = dim3(static_cast<unsigned>(threads));
    config.dynamicSmemBytes = shared_bytes;
    config.stream = stream;
    config.attrs = &overlap;
    config.numAttrs = capability().major >= 9 ? 1 : 0;
    MOE_CUDA(cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...));
}

}  // namespace moe::cuda
