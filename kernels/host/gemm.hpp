#pragma once

#include "kernels/runtime/layer_kernels.hpp"

#include <cstdint>

namespace moe {

/// out [m, n] (row stride out_stride) = a [m, k] (row stride a_stride) * w^T, w [n, k] dense.
struct Gemm {
    const float* a{};
    std::int64_t a_stride{};
    const float* w{};
    float* out{};
    std::int64_t out_stride{};
    std::int64_t m{};
    std::int64_t n{};
    std::int64_t k{};
};

/// On one thread. With k = 0, zeros. From gemm_blas.cpp or gemm_plain.cpp, as MOE_BLAS says.
void multiply(const Gemm& g);

/// One thread for each rank: a library's threads of several ranks would fight for the cores.
void use_one_gemm_thread();

/// What multiply() runs on: "blas_f32", or "plain_f32", which is not tuned.
[[nodiscard]] ExpertsKernel gemm_kernel();

}  // namespace moe
