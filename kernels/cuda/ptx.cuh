#pragma once

#include <nv/target>

#include <cstdint>

namespace moe::cuda {

/// Of the device's clock that all its multiprocessors share.
__device__ inline unsigned long long global_nanoseconds() {
    unsigned long long now = 0;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
    return now;
}

// Copies from global to shared memory that go on while the thread that asked for them does. Before
// Ampere it makes them itself, and those with a condition do not exist.

/// Of 16 bytes, to an address within shared memory; zeros where `inside` is false, and nothing is
/// read.
__device__ inline void copy_async(std::uint32_t to, const void* from, bool inside) {
    NV_IF_TARGET(NV_PROVIDES_SM_80,
                 (asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from),
                               "r"(inside ? 16 : 0));));
}
/// Those since the last call are a group.
__device__ inline void end_group_of_copies() {
    NV_IF_TARGET(NV_PROVIDES_SM_80, (asm volatile("cp.async.commit_group;");));
}
/// Until all of this thread's groups are there but the youngest `Pending`.
template <int Pending>
__device__ void wait_for_groups_of_copies() {
    NV_IF_TARGET(NV_PROVIDES_SM_80, (asm volatile("cp.async.wait_group %0;" ::"n"(Pending));));
}
}  // namespace moe::cuda
