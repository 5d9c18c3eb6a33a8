// In place of grouped_gemm_sm90.cu where no Hopper GPU is built for.
#include "kernels/cuda/grouped_gemm.hpp"

namespace moe::cuda {

const GroupedGemmKernel kGroupedGemmSm90{.name = "grouped_gemm_sm90",
                                         .can = [](const GroupedGemm& /*gemm*/) { return false; }};

}  // namespace moe::cuda
