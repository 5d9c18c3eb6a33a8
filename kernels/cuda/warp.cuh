#pragma once

namespace moe::cuda {

// What the lanes of a warp make of a value of each, all of them at once.

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffU;

/// What `operation` makes of the values of each `Width` neighbouring lanes; on all of them.
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
/// A lane's value and those of the lanes before it, among `Width` neighbours.
template <int Width = kWarp, class T>
__device__ T warp_inclusive_sum(T value) {
    const int lane = static_cast<int>(threadIdx.x) % Width;
#pragma unroll
    for (int step = 1; step < Width; step *= 2) {
        const auto before = __shfl_up_sync(kAllLanes, value, step, Width);
        if (lane >= step) value += before;
    }
    return value;
}

}  // namespace moe::cuda
