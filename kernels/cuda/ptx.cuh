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

// Kernels that follow each other on a stream, the later one launched and brought to
// wait_for_earlier() while the earlier one still runs (programmatic dependent launch). Before
// Hopper, one starts when the other has ended.

/// What the earlier kernels of the stream wrote is there. Every thread of a kernel whose launch
/// overlaps calls it before it reads that, or writes what they use.
__device__ inline void wait_for_earlier() {
    NV_IF_TARGET(NV_PROVIDES_SM_90, (asm volatile("griddepcontrol.wait;" ::: "memory");));
}
/// The later kernel may start as soon as all blocks of this one have come here.
__device__ inline void let_later_start() {
    NV_IF_TARGET(NV_PROVIDES_SM_90,
                 (asm volatile("griddepcontrol.launch_dependents;" ::: "memory");));
}

/// Has the L2 cache read `bytes`, a multiple of 16 from a multiple of 16 on, and keep them longer than
/// what is written meanwhile. Before Hopper, nothing.
__device__ inline void prefetch_l2(const void* from, std::uint32_t bytes) {
    NV_IF_TARGET(NV_PROVIDES_SM_90,
                 (asm volatile("{\n"
                               ".reg .b64 policy;\n"
                               "createpolicy.fractional.L2::evict_last.b64 policy, 1.0;\n"
                               "cp.async.bulk.prefetch.L2.global.L2::cache_hint [%0], %1, policy;\n"
                               "}" ::"l"(from),
                               "r"(bytes)
                               : "memory");));
}

/// Threads that a multiprocessor of any GPU that this code is for can hold at once: they have the
/// registers for that if the kernel's launch bounds say so.
__host__ __device__ constexpr int max_threads_per_sm() {
    NV_IF_ELSE_TARGET(NV_PROVIDES_SM_80, (return 1536;), (return 1024;));
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
