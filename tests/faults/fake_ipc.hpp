// CUDA's memory, and its handles for other processes, without a GPU: host memory that is counted,
// and calls that fail on demand. Included before everything else where comm/nccl/ipc_memory.cpp is
// compiled for its test.
#pragma once

#include <cuda_runtime.h>

#include <cstdlib>

namespace moe::fake_ipc {

/// What this rank's next calls return, and what they have left.
struct State {
    cudaError_t allocate{}, get_handle{}, open{};
    cudaError_t last_error{};
    int allocations{}, mappings{};

    cudaError_t remember(cudaError_t status) {
        if (status != cudaSuccess) last_error = status;
        return status;
    }
};
inline State state;

inline cudaError_t take(int& count, void** to, std::size_t bytes) {
    *to = std::calloc(1, bytes);
    ++count;
    return cudaSuccess;
}
inline cudaError_t give_back(int& count, void* memory) {
    if (memory != nullptr) --count;
    std::free(memory);
    return cudaSuccess;
}

inline cudaError_t allocate(void** to, std::size_t bytes) {
    if (state.allocate != cudaSuccess) return state.remember(state.allocate);
    return take(state.allocations, to, bytes);
}
inline cudaError_t get_handle(const void* /*memory*/) {
    return state.remember(state.get_handle);
}
/// A mapping is memory of this rank's own: the test looks at what is left of it only.
inline cudaError_t open(void** to) {
    if (state.open != cudaSuccess) return state.remember(state.open);
    return take(state.mappings, to, 1);
}
inline cudaError_t synchronize() {
    return cudaSuccess;
}
inline cudaError_t last_error() {
    const auto last = state.last_error;
    state.last_error = cudaSuccess;
    return last;
}

}  // namespace moe::fake_ipc

// NOLINTBEGIN: CUDA's own names.
#define cudaMalloc(to, bytes) ::moe::fake_ipc::allocate(to, bytes)
#define cudaFree(memory) ::moe::fake_ipc::give_back(::moe::fake_ipc::state.allocations, memory)
#define cudaIpcGetMemHandle(to, memory) ::moe::fake_ipc::get_handle(memory)
#define cudaIpcOpenMemHandle(to, handle, flags) ::moe::fake_ipc::open(to)
#define cudaIpcCloseMemHandle(memory) \
    ::moe::fake_ipc::give_back(::moe::fake_ipc::state.mappings, memory)
#define cudaGetLastError() ::moe::fake_ipc::last_error()
#define cudaDeviceSynchronize() ::moe::fake_ipc::synchronize()
// NOLINTEND
