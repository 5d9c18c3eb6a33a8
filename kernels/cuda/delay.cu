#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/delay.hpp"
#include "kernels/cuda/ptx.cuh"

namespace moe::cuda {
namespace {

__global__ void delay(unsigned long long nanoseconds) {
    const auto start = global_nanoseconds();
    while (global_nanoseconds() - start < nanoseconds) {
    }
}

}  // namespace

void launch_delay(double seconds, cudaStream_t stream) {
    delay<<<1, 1, 0, stream>>>(static_cast<unsigned long long>(seconds * 1e9));
    MOE_CUDA(cudaGetLastError());
}

}  // namespace moe::cuda
