// In place of the header of this name in kernels/cuda: launches that run on the processor.
#pragma once

#include "kernels/cuda/launch.hpp"

namespace moe::cuda {

template <class T>
T* dynamic_smem() {
    return reinterpret_cast<T*>(simt::block->dynamic_smem.data());
}

inline void grid_dependency_synchronize() {}
inline void trigger_launch_completion() {}

template <class... Parameters, class... Arguments>
void launch(const Launch& params, void (*kernel)(Parameters...), Arguments... arguments) {
    // Where blocks take turns one does it all: every test has turns.
    const auto blocks = params.max_blocks_per_sm > 0 ? dim3(1) : params.blocks;
    simt::run(blocks, params.threads, params.smem_bytes, [&] { kernel(Parameters(arguments)...); });
}

}  // namespace moe::cuda
