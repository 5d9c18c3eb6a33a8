// Bounded waits of a kernel for a host or another GPU.
#pragma once

#include "kernels/cuda/ptx.cuh"

namespace moe::cuda {

/// Polls until `arrived()`. Returns false once `patience_ns` have passed without, since a device
/// must not wait forever for a rank that failed.
template <class Arrived>
__device__ bool wait_until(unsigned long long patience_ns, Arrived arrived) {
    const auto start = global_nanoseconds();
    while (!arrived()) {
        if (global_nanoseconds() - start > patience_ns) return false;
    }
    return true;
}

}  // namespace moe::cuda
