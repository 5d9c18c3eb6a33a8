#pragma once

#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/launch.hpp"

#include <cuda_runtime.h>

#include <algorithm>

namespace moe::cuda {

/// The shared memory that a kernel was launched with, the same for every T.
template <class T>
__device__ T* dynamic_smem() {
    extern __shared__ uint4 memory[];
    return reinterpret_cast<T*>(memory);
}

template <class... Parameters, class... Arguments>
void launch(const Launch& how, void (*kernel)(Parameters...), Arguments... arguments) {
    auto smem_bytes = how.smem_bytes;
    if (how.occupancy_limit > 0) {
        smem_bytes = std::max(smem_bytes, smem_per_block(how.occupancy_limit));
    }
    if (smem_bytes > kDefaultDynamicSmem) {
        MOE_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      static_cast<int>(smem_bytes)));
    }
    cudaLaunchAttribute overlap{};
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = how.blocks;
    if (how.max_blocks_per_sm > 0) {
        const auto most = static_cast<unsigned>(how.max_blocks_per_sm * sm_count());
        config.gridDim.x = std::min(config.gridDim.x, most);
    }
    if (how.prefer_smem) {
        MOE_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                      cudaSharedmemCarveoutMaxShared));
    }
    config.blockDim = dim3(static_cast<unsigned>(how.threads));
    config.dynamicSmemBytes = smem_bytes;
    config.stream = how.stream;
    config.attrs = &overlap;
    config.numAttrs = how.overlaps && capability().major >= 9 ? 1 : 0;
    MOE_CUDA(cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...));
}

}  // namespace moe::cuda
