#pragma once

#include "kernels/cuda/hopper.cuh"

namespace moe::cuda::hopper {

/// sum [64, Columns] += a [64, 16] * b [Columns, 16]^T by the 128 threads of a warpgroup, both from
/// shared memory (smem_descriptor). Thread t holds, for each group j of 8 columns, the elements
/// (t / 32 * 16 + t % 32 / 4 + {0, 0, 8, 8}, 8 * j + t % 4 * 2 + {0, 1, 0, 1}).
template <class T, int Columns>
struct Wgmma;

// One instruction names all of its registers, which no loop can write, and its types in its text,
// which no template can: hence macros. The lists of a width begin with those of half of it.

#define MOE_NAMES_8 "%0, %1, %2, %3, %4, %5, %6, %7"
#define MOE_SUMS_8                                                                      \
    "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3]), "+f"(sum[4]), "+f"(sum[5]), \
        "+f"(sum[6]), "+f"(sum[7])
#define MOE_NAMES_16 \
    MOE_NAMES_8      \
    ", %8, %9, %10, %11, %12, %13, %14, %15"
#define MOE_SUMS_16                                                                      \
    MOE_SUMS_8, "+f"(sum[8]), "+f"(sum[9]), "+f"(sum[10]), "+f"(sum[11]), "+f"(sum[12]), \
        "+f"(sum[13]), "+f"(sum[14]), "+f"(sum[15])
#define MOE_NAMES_32                           \
    MOE_NAMES_16                               \
    ", %16, %17, %18, %19, %20, %21, %22, %23" \
    ", %24, %25, %26, %27, %28, %29, %30, %31"
#define MOE_SUMS_32                                                                               \
    MOE_SUMS_16, "+f"(sum[16]), "+f"(sum[17]), "+f"(sum[18]), "+f"(sum[19]), "+f"(sum[20]),       \
        "+f"(sum[21]), "+f"(sum[22]), "+f"(sum[23]), "+f"(sum[24]), "+f"(sum[25]), "+f"(sum[26]), \
        "+f"(sum[27]), "+f"(sum[28]), "+f"(sum[29]), "+f"(sum[30]), "+f"(sum[31])
#define MOE_NAMES_64                           \
    MOE_NAMES_32                               \
    ", %32, %33, %34, %35, %36, %37, %38, %39" \
    ", %40, %41, %42, %43, %44, %45, %46, %47" \
    ", %48, %49, %50, %51, %52, %53, %54, %55" \
    ", %56, %57, %58, %59, %60, %61, %62, %63"
#define MOE_SUMS_64                                                                               \
    MOE_SUMS_32, "+f"(sum[32]), "+f"(sum[33]), "+f"(sum[34]), "+f"(sum[35]), "+f"(sum[36]),       \
        "+f"(sum[37]), "+f"(sum[38]), "+f"(sum[39]), "+f"(sum[40]), "+f"(sum[41]), "+f"(sum[42]), \
        "+f"(sum[43]), "+f"(sum[44]), "+f"(sum[45]), "+f"(sum[46]), "+f"(sum[47]), "+f"(sum[48]), \
        "+f"(sum[49]), "+f"(sum[50]), "+f"(sum[51]), "+f"(sum[52]), "+f"(sum[53]), "+f"(sum[54]), \
        "+f"(sum[55]), "+f"(sum[56]), "+f"(sum[57]), "+f"(sum[58]), "+f"(sum[59]), "+f"(sum[60]), \
        "+f"(sum[61]), "+f"(sum[62]), "+f"(sum[63])

// `a_place` and `b_place`: the operands that come after the sums.
#define MOE_WGMMA(columns, sums, a_place, b_place, T, type)                                \
    template <>                                                                            \
    struct Wgmma<T, columns> {                                                             \
        static __device__ void mma(float (&sum)[sums], std::uint64_t a, std::uint64_t b) { \
            asm volatile(                                                                  \
                "{ .reg .pred add; setp.eq.u32 add, 0, 0; "                                \
                "wgmma.mma_async.sync.aligned.m64n" #columns "k16.f32." type "." type      \
                " {" MOE_NAMES_##sums "}, " a_place ", " b_place ", add, 1, 1, 0, 0; }"    \
                : MOE_SUMS_##sums                                                          \
                : "l"(a), "l"(b));                                                         \
        }                                                                                  \
    };
#define MOE_WGMMAS(columns, sums, a_place, b_place)                   \
    MOE_WGMMA(columns, sums, a_place, b_place, __nv_bfloat16, "bf16") \
    MOE_WGMMA(columns, sums, a_place, b_place, __half, "f16")
MOE_WGMMAS(16, 8, "%8", "%9")
MOE_WGMMAS(32, 16, "%16", "%17")
MOE_WGMMAS(64, 32, "%32", "%33")
MOE_WGMMAS(128, 64, "%64", "%65")
#undef MOE_WGMMAS
#undef MOE_WGMMA
#undef MOE_NAMES_8
#undef MOE_SUMS_8
#undef MOE_NAMES_16
#undef MOE_SUMS_16
#undef MOE_NAMES_32
#undef MOE_SUMS_32
#undef MOE_NAMES_64
#undef MOE_SUMS_64

}  // namespace moe::cuda::hopper
