// What nvcc knows by itself of launches, and the calls of CUDA's runtime that go with kernels over
// peer memory. Included before everything else, as simt.hpp is, where `<<<` and `>>>` of a kernel's
// file have been replaced (see tests/CMakeLists.txt).
#pragma once

#include "tests/simt/simt.hpp"

#include "kernels/cuda/vector.cuh"

#include <tuple>

// NOLINTBEGIN: CUDA's own names.
namespace moe::simt {

/// A launch's grid, and then with a kernel's arguments: `kernel ->* Grid{...}(arguments...)`.
template <class... Arguments>
struct Call;
struct Grid {
    dim3 blocks;
    unsigned threads;
    std::size_t smem_bytes;
    cudaStream_t stream;

    template <class... Arguments>
    Call<Arguments...> operator()(Arguments... arguments) const {
        return {*this, {arguments...}};
    }
};
template <class... Arguments>
struct Call {
    Grid grid;
    std::tuple<Arguments...> arguments;
};
template <class... Parameters, class... Arguments>
void operator->*(void (*kernel)(Parameters...), const Call<Arguments...>& call) {
    const auto& [blocks, threads, smem_bytes, stream] = call.grid;
    run(blocks, static_cast<int>(threads), smem_bytes, [&] { std::apply(kernel, call.arguments); });
}

template <class... Arguments>
cudaError_t succeed(const Arguments&...) {
    return cudaSuccess;
}
template <class Kernel>
cudaError_t as_hopper(cudaFuncAttributes* built, Kernel /*kernel*/) {
    built->ptxVersion = built->binaryVersion = 90;
    return cudaSuccess;
}

}  // namespace moe::simt

inline bool __all_sync(unsigned, bool value) {
    return moe::simt::lanes_with(true, value) == ~0U;
}

#define cudaGetLastError() cudaSuccess
#define cudaFuncSetAttribute(...) moe::simt::succeed(__VA_ARGS__)
#define cudaFuncGetAttributes(attributes, ...) moe::simt::as_hopper(attributes, __VA_ARGS__)
#define cudaHostAlloc(to, bytes, flags) (*(to) = std::calloc(1, bytes), cudaSuccess)
#define cudaHostGetDevicePointer(to, from, flags) (*(to) = (from), cudaSuccess)
#define cudaFreeHost(memory) std::free(memory)

#undef NV_IF_TARGET
#define MOE_SIMT_UNWRAPPED(...) __VA_ARGS__
#define NV_IF_TARGET(condition, code) MOE_SIMT_UNWRAPPED code
// NOLINTEND
