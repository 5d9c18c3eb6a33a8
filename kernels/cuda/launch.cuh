#pragma once

#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/launch.hpp"

#include <cuda_runtime.h>

#include <algorithm>

namespace moe::cuda {

/// The shared memory that a kernel was launched with, the same for every T.
template <class T>
__device__ T* launched_shared() {
    extern __shared__ uint4 memory[];
    return reinterpret_cast<T*>(memory);
}

template <class... Parameters, class... Arguments>
void launch(const Launch& how, void (*kernel)(Parameters...), Arguments... arguments) {
    auto shared_bytes = how.shared_bytes;
    if (how.blocks_at_once > 0) {
        shared_bytes = std::max(shared_bytes, shared_of_block(how.blocks_at_once));
    }
    if (shared_bytes > kUnaskedShared) {
        MOE_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      static_cast<int>(shared_bytes)));
    }
    cudaLaunchAttribute overlap{};
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = how.blocks;
    if (how.blocks_of_processor > 0) {
        const auto most = static_cast<unsigned>(how.blocks_of_processor * count_processors());
        config.gridDim.x = std::min(config.gridDim.x, most);
    }
    if (how.all_shared) {
        MOE_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                      cudaSharedmemCarveoutMaxShared));
    }
    config.blockDim = dim3(static_cast<unsigned>(how.threads));
    config.dynamicSmemBytes = shared_bytes;
    config.stream = how.stream;
    config.attrs = &overlap;
    config.numAttrs = how.overlaps && capability().major >= 9 ? 1 : 0;
    MOE_CUDA(cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...));
}

}  // namespace moe::cuda
