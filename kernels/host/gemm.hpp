#pragma once

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

/// One thread, through the BLAS. With k = 0, zeros.
void multiply(const Gemm& g);

/// One thread for each rank: BLAS threads of several ranks would fight for the cores.
void use_one_blas_thread();

}  // namespace moe
