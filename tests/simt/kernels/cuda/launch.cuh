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
void launch(const Launch& config, void (*kernel)(Parameters...), Arguments... arguments) {
    // Where blocks take turns one does it all: every test has turns.
    const auto blocks = config.max_blocks_per_sm > 0 ? dim3(1) : config.blocks;
    simt::run(blocks, config.threads, config.smem_bytes, [&] { kernel(Parameters(arguments)...); });
}

}  // namespace moe::cuda
