#pragma once

#include "kernels/runtime/matrix.hpp"

#include <cuda_runtime_api.h>

#include <cstdint>

namespace moe::cuda {

/// One matrix product for each expert: rows [offsets[e], offsets[e + 1]) of `out` are those rows of
/// `in` times the transpose of the expert's weights. `offsets` lies in device memory and is read by
/// the kernel: what the router decided is not known on the host when this is enqueued.
///
/// plain: out [rows, cols] = in [rows, in.cols] * w[e] [cols, in.cols]^T
/// gated: out [rows, cols] = silu(in * gate[e]^T) * (in * up[e]^T), where w[e] [2 * cols, in.cols]
///        holds gate before up.
/// Sums are kept in f32 and rounded once. in, w and out are of one type; rows of `in` and `out`
/// that belong to no expert are neither used nor written.
struct GroupedGemm {
    Matrix in;
    const std::byte* weights{};  ///< of the first expert; the others follow without a gap
    Matrix out;
    const std::int32_t* offsets{};  ///< [experts + 1]
    std::int64_t experts{};
    bool gated{};
    /// Rows of an expert if routing is even: which tile suits best.
    std::int64_t expected_rows{};

    [[nodiscard]] std::int64_t weight_rows() const { return (gated ? 2 : 1) * out.cols; }
};

/// Any type and any size, on the ordinary cores.
void launch_any_gemm(const GroupedGemm& gemm, cudaStream_t stream);

/// On Hopper's tensor cores (wgmma), fed by its copy engine (TMA). False where this build, device,
/// type or alignment does not allow it; nothing was enqueued then.
[[nodiscard]] bool launch_hopper_gemm(const GroupedGemm& gemm, cudaStream_t stream);

/// On the tensor cores of any device since Ampere. False as above.
[[nodiscard]] bool launch_tensor_gemm(const GroupedGemm& gemm, cudaStream_t stream);

/// The fastest of these.
void launch_grouped_gemm(const GroupedGemm& gemm, cudaStream_t stream);

}  // namespace moe::cuda
