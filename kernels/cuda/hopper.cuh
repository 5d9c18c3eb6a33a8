#pragma once

// Hopper's own instructions, as functions: mbarriers, TMA loads, and the matrix product of a
// warpgroup. PTX ISA 8.0, sections on mbarrier, cp.async.bulk.tensor and wgmma.

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda.h>

#include <cstdint>
#include <utility>

namespace moe::cuda::hopper {

/// An address in shared memory as instructions take it.
__device__ inline std::uint32_t shared_address(const void* pointer) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

/// A barrier in shared memory that counts arrivals and bytes. It has passed phase p when waiting
/// for parity p % 2 returns.
struct Mbarrier {
    std::uint64_t word;

    __device__ void init(unsigned arrivals) {
        asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(this)),
                     "r"(arrivals));
    }
    __device__ void arrive() {
        asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(this))
                     : "memory");
    }
    __device__ void arrive_and_expect(unsigned bytes) {
        asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(
                         shared_address(this)),
                     "r"(bytes)
                     : "memory");
    }
    __device__ void wait(unsigned parity) {
        asm volatile(
            "{\n"
            ".reg .pred passed;\n"
            "again:\n"
            "mbarrier.try_wait.parity.shared::cta.b64 passed, [%0], %1;\n"
            "@passed bra done;\n"
            "bra again;\n"
            "done:\n"
            "}" ::"r"(shared_address(this)),
            "r"(parity)
            : "memory");
    }
};

/// Makes initialised mbarriers known to TMA.
__device__ inline void fence_mbarrier_init() {
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

/// The box at (col, row) of a matrix into shared memory; `mbarrier` counts its bytes, all of them
/// even where the box hangs over the edge (zeros there).
__device__ inline void tma_load_2d(void* to, const CUtensorMap& map, int col, int row,
                                   Mbarrier& mbarrier) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes "
        "[%0], [%1, {%2, %3}], [%4];" ::"r"(shared_address(to)),
        "l"(&map), "r"(col), "r"(row), "r"(shared_address(&mbarrier))
        : "memory");
}
__device__ inline void prefetch_tensormap(const CUtensorMap& map) {
    asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
}

/// Registers that a warpgroup gives up or takes, so that loading warps leave theirs to the others.
template <int Count>
__device__ void setmaxnreg_dec() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Count));
}
template <int Count>
__device__ void setmaxnreg_inc() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Count));
}

/// Rows of 128 bytes, swizzled by TMA (128B): the 8-row groups lie 1024 bytes apart.
__device__ inline std::uint64_t smem_descriptor(const void* start) {
    constexpr std::uint64_t kGroupBytes = 1024;
    constexpr std::uint64_t kSwizzle128 = std::uint64_t{1} << 62U;
    const std::uint64_t address = shared_address(start);
    return (address & 0x3ffffU) >> 4U | std::uint64_t{1} << 16U | (kGroupBytes >> 4U) << 32U |
           kSwizzle128;
}
/// The same rows, `bytes` further along each.
__device__ inline std::uint64_t advanced(std::uint64_t descriptor, int bytes) {
    return descriptor + static_cast<std::uint64_t>(bytes >> 4);
}

__device__ inline void wgmma_fence() {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ inline void wgmma_commit_group() {
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
/// Until at most `Left` committed groups are still running.
template <int Left>
__device__ void wgmma_wait_group() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Left) : "memory");
}
/// Keeps the compiler from moving accumulators while products that it cannot see write to them.
template <int Count>
__device__ void fence_accumulators(float (&values)[Count]) {
#pragma unroll
    for (int i = 0; i < Count; ++i) asm volatile("" : "+f"(values[i])::"memory");
}

}  // namespace moe::cuda::hopper
