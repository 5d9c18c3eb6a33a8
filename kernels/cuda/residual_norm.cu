// The residual connection and RMSNorm: two matrices are read once and two written once, so memory
// bandwidth is the floor. A block for each row, whose sums stay in registers as far as rows usually
// go.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/residual_norm.cuh"
#include "kernels/cuda/residual_norm.hpp"

namespace moe::cuda {
namespace {

/// Vectors of a row that a thread keeps: 8192 columns of 16 bits in a block.
constexpr int kKept = 4;

template <class T, int Width>
__global__ void __launch_bounds__(kNormThreads) residual_norm(const NormOperands<T> operands) {
    RowNorm<T, Width, kKept> row(operands, *dynamic_smem<NormPartials>());
    row.run(std::int64_t{blockIdx.x} * (operands.cols / Width));
}

}  // namespace

void launch_residual_norm(const ResidualNorm& norm, cudaStream_t stream) {
    if (norm.rows.elements() == 0) return;
    const bool wide = rows_are_wide(
        norm.rows.row_bytes(),
        {norm.rows.data, norm.residual.data, norm.weight.data, norm.hidden.data, norm.normed.data});
    visit_native(norm.rows.dtype, wide, [&](auto tag, auto lanes) {
        using T = typename decltype(tag)::type;
        auto params = in_blocks(norm.rows.rows, kNormThreads, stream);
        params.smem_bytes = sizeof(NormPartials);
        launch(params, residual_norm<T, decltype(lanes)::value>, norm_operands<T>(norm));
    });
}

}  // namespace moe::cuda
