// Copies from memory into a block's shared memory that need no thread while they are under way, and
// do not stand behind stores that a link holds up (PTX ISA 8.0, cp.async.bulk; GPUs since Hopper).
#pragma once

#include "kernels/cuda/hopper.cuh"

namespace moe::cuda::hopper {

/// That what is copied will not be read again soon.
__device__ inline std::uint64_t evict_first_policy() {
    std::uint64_t policy = 0;
    asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
    return policy;
}
/// Orders what this thread saw of others' stores before the copies that it asks for from here on.
__device__ inline void fence_proxy_async() {
    asm volatile("fence.proxy.async.global;" ::: "memory");
}
/// `bytes` and both addresses are multiples of 16; `mbarrier` counts the bytes.
__device__ inline void bulk_load(void* to, const void* from, unsigned bytes, Mbarrier& mbarrier,
                                 std::uint64_t policy) {
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint "
        "[%0], [%1], %2, [%3], %4;" ::"r"(shared_address(to)),
        "l"(from), "r"(bytes), "r"(shared_address(&mbarrier)), "l"(policy)
        : "memory");
}

}  // namespace moe::cuda::hopper
