// In place of the header of this name in kernels/cuda: launches that run on the processor.
#pragma once

#include "kernels/cuda/cuda.hpp"

namespace moe::cuda {

constexpr std::size_t kUnaskedShared = 48U << 10U;

template <class T>
T* launched_shared() {
    return reinterpret_cast<T*>(simt::place.block->launched_shared.data());
}

struct Launch {
    dim3 blocks;
    int threads{};
    cudaStream_t stream{};
    std::size_t shared_bytes{};
    bool overlaps{};
};

template <class... Parameters, class... Arguments>
void launch(const Launch& how, void (*kernel)(Parameters...), Arguments... arguments) {
    simt::run(how.blocks, how.threads, how.shared_bytes,
              [&] { kernel(Parameters(arguments)...); });
}

}  // namespace moe::cuda
