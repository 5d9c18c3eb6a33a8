#pragma once

#include "kernels/runtime/device.hpp"

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

namespace moe::cuda {

/// Whether blocks of a product may form clusters. A cluster begins when as many multiprocessors of
/// one part of the GPU are free together. Where ranks share a GPU that may never be: others'
/// kernels hold most multiprocessors while they wait for this rank.
enum class Clusters : std::uint8_t { any, none };

/// Dense matrix products through cuBLASLt. How a shape is computed is chosen the first time that it
/// is seen and kept, so that a product costs the host one launch, in a capture too.
class Matmul {
public:
    Matmul(Device& device, Clusters clusters);
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
    /// How to compute a plan that lacks nothing else; nothing where there is no way.
    [[nodiscard]] std::optional<cublasLtMatmulAlgo_t> choose(
        const Plan& plan, cublasLtMatmulPreference_t preference) const;
    [[nodiscard]] bool runs(const Plan& plan, const cublasLtMatmulAlgo_t& algorithm) const;
    [[nodiscard]] static Layout layout(DType dtype, std::int64_t rows, std::int64_t cols);

    std::unique_ptr<cublasLtContext, Deleter> handle_;
    Clusters clusters_;
    Buffer workspace_;
    std::map<Key, Plan> plans_;
};

}  // namespace moe::cuda
