// In place of hopper_gemm.cu where no Hopper GPU is built for.
#include "kernels/cuda/grouped_gemm.hpp"

namespace moe::cuda {

const GroupedGemmKernel kHopperGemm{.name = "grouped_gemm_sm90",
                                    .can = [](const GroupedGemm& /*gemm*/) { return false; }};

}  // namespace moe::cuda
