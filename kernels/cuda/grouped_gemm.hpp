#pragma once

#include "kernels/runtime/matrix.hpp"

#include <cuda_runtime_api.h>

#include <cstdint>
#include <span>
#include <string_view>

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
    /// Multiprocessors that are left to other work; one is kept.
    std::int64_t spared_sms{};

    [[nodiscard]] std::int64_t weight_rows() const { return (gated ? 2 : 1) * out.cols; }
};

/// One way to compute it.
struct GroupedGemmKernel {
    std::string_view name;
    /// Measured against what engines use, on the devices that it can run on.
    bool tuned{};
    /// Whether this build, the calling thread's device, the type, the sizes and the alignment allow
    /// it. Of the addresses only the alignment is looked at: null stands for a buffer's start.
    bool (*can)(const GroupedGemm& gemm){};
    /// Only where it can.
    void (*launch)(const GroupedGemm& gemm, cudaStream_t stream){};
};
/// All of them, the fastest first. The last one can compute anything.
[[nodiscard]] std::span<const GroupedGemmKernel* const> grouped_gemm_kernels();
/// The one that launch_grouped_gemm() takes; null where there is nothing to compute.
[[nodiscard]] const GroupedGemmKernel* choose_grouped_gemm(const GroupedGemm& gemm);
void launch_grouped_gemm(const GroupedGemm& gemm, cudaStream_t stream);

/// Multiprocessors that it may fill.
[[nodiscard]] int sms_of(const GroupedGemm& gemm);
/// Whether type, sizes and alignment are what the kernels on tensor cores are made for.
[[nodiscard]] bool suits_tensor_cores(const GroupedGemm& gemm);
/// On Hopper's tensor cores (wgmma), fed by TMA.
extern const GroupedGemmKernel kGroupedGemmSm90;
/// On the tensor cores of any device since Ampere.
extern const GroupedGemmKernel kGroupedGemmSm80;
/// Any type and any size, on the ordinary cores.
extern const GroupedGemmKernel kGroupedGemmSimt;

}  // namespace moe::cuda
