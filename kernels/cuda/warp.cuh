#pragma once

namespace moe::cuda {

// What the lanes of a warp do together. cub::WarpReduce would leave the result on one of them only.

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffU;

/// Reduces the values of each `Width` neighbouring lanes; all of them get the result.
template <int Width = kWarp, class T, class Operation>
__device__ T warp_reduce(T value, Operation operation) {
#pragma unroll
    for (int step = Width / 2; step > 0; step /= 2) {
        value = operation(value, __shfl_xor_sync(kAllLanes, value, step, Width));
    }
    return value;
}
template <int Width = kWarp, class T>
__device__ T warp_sum(T value) {
    return warp_reduce<Width>(value, [](T a, T b) { return a + b; });
}
/// A bit for each lane below this one.
__device__ inline unsigned lower_lanes() {
    return (1U << threadIdx.x % kWarp) - 1U;
}

}  // namespace moe::cuda
