#pragma once

namespace moe::cuda {

/// For results that are rounded to 16 bits: its own error is 2^-20 of the value.
__device__ inline float fast_silu(float x) {
    return __fdividef(x, 1.0F + __expf(-x));
}
__device__ inline float silu(float x) {
    return x / (1.0F + expf(-x));
}

/// As exact as a result of type T can show.
template <class T>
__device__ float silu_for(float x) {
    return sizeof(T) < sizeof(float) ? fast_silu(x) : silu(x);
}

}  // namespace moe::cuda
