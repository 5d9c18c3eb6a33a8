#pragma once

#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/launch.hpp"

#include <cuda_runtime.h>
#include <nv/target>

#include <algorithm>

namespace moe::cuda {

/// The shared memory that a kernel was launched with, the same for every T.
template <class T>
__device__ T* dynamic_smem() {
    extern __shared__ uint4 memory[];
    return reinterpret_cast<T*>(memory);
}

// Programmatic dependent launch: a kernel whose launch overlaps starts while the one before it
// still runs. Before Hopper, it starts when that has ended.

/// Waits until the earlier kernels of the stream have ended and what they wrote can be read.
__device__ inline void grid_dependency_synchronize() {
    NV_IF_TARGET(NV_PROVIDES_SM_90, (cudaGridDependencySynchronize();));
}
/// The next kernel may start once all blocks have come here or ended.
__device__ inline void trigger_launch_completion() {
    NV_IF_TARGET(NV_PROVIDES_SM_90, (cudaTriggerProgrammaticLaunchCompletion();));
}

template <class... Parameters, class... Arguments>
void launch(const Launch& params, void (*kernel)(Parameters...), Arguments... arguments) {
    if (params.smem_bytes > kDefaultDynamicSmem) {
        MOE_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      static_cast<int>(params.smem_bytes)));
    }
    cudaLaunchAttribute overlap{};
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = params.blocks;
    if (params.max_blocks_per_sm > 0) {
        const auto max_blocks = static_cast<unsigned>(params.max_blocks_per_sm * sm_count());
        config.gridDim.x = std::min(config.gridDim.x, max_blocks);
    }
    if (params.prefer_smem) {
        MOE_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                      cudaSharedmemCarveoutMaxShared));
    }
    config.blockDim = dim3(static_cast<unsigned>(params.threads));
    config.dynamicSmemBytes = params.smem_bytes;
    config.stream = params.stream;
    config.attrs = &overlap;
    config.numAttrs = params.overlaps && capability().major >= 9 ? 1 : 0;
    MOE_CUDA(cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...));
}

}  // namespace moe::cuda
