#include "kernels/cuda/grouped_gemm.hpp"

#include "kernels/cuda/cuda.hpp"

#include <algorithm>
#include <array>

namespace moe::cuda {
namespace {

constexpr std::array kKernels{&kGroupedGemmSm90, &kGroupedGemmSm80, &kGroupedGemmSimt};

}  // namespace

std::span<const GroupedGemmKernel* const> grouped_gemm_kernels() {
    return kKernels;
}

const GroupedGemmKernel* choose_grouped_gemm(const GroupedGemm& gemm) {
    if (gemm.in.rows == 0 || gemm.out.cols == 0 || gemm.experts == 0) return nullptr;
    return *std::find_if(kKernels.begin(), kKernels.end(),
                         [&](const auto* kernel) { return kernel->can(gemm); });
}

int sms_of(const GroupedGemm& gemm) {
    return static_cast<int>(std::max<std::int64_t>(sm_count() - gemm.spared_sms, 1));
}

void launch_grouped_gemm(const GroupedGemm& gemm, cudaStream_t stream) {
    if (const auto* kernel = choose_grouped_gemm(gemm)) kernel->launch(gemm, stream);
}

}  // namespace moe::cuda
