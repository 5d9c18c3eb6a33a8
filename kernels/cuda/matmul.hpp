#pragma once

#include "kernels/runtime/device.hpp"

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>

namespace moe::cuda {

/// Dense matrix products through cuBLASLt. How a shape is computed is chosen the first time that it
/// is seen and kept, so that a product costs the host one launch, in a capture too.
class Matmul {
public:
    explicit Matmul(Device& device);
    [[nodiscard]] static std::size_t workspace_bytes();

    /// Enqueues out [m, n] = a [m, k] * w [n, k]^T; a and w are of one type, out is of the same or
    /// f32. Sums are kept in f32.
    void multiply(const Matrix& a, const Matrix& w, const Matrix& out, cudaStream_t stream);

private:
    struct Deleter {
        void operator()(cublasLtHandle_t handle) const noexcept { cublasLtDestroy(handle); }
        void operator()(cublasLtMatmulDesc_t desc) const noexcept {
            cublasLtMatmulDescDestroy(desc);
        }
        void operator()(cublasLtMatrixLayout_t layout) const noexcept {
            cublasLtMatrixLayoutDestroy(layout);
        }
    };
    using Layout = std::unique_ptr<cublasLtMatrixLayoutOpaque_t, Deleter>;
    /// m, n, k, type of a and w, type of out, common alignment of the pointers.
    using Key = std::array<std::int64_t, 6>;
    struct Plan {
        std::unique_ptr<cublasLtMatmulDescOpaque_t, Deleter> operation;
        Layout a, w, out;
        cublasLtMatmulAlgo_t algorithm;
    };
    [[nodiscard]] Plan make_plan(const Key& key) const;
    [[nodiscard]] static Layout layout(DType dtype, std::int64_t rows, std::int64_t cols);

    std::unique_ptr<cublasLtContext, Deleter> handle_;
    Buffer workspace_;
    std::map<Key, Plan> plans_;
};

}  // namespace moe::cuda
