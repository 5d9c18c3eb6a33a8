#pragma once

#include "kernels/runtime/layer_kernels.hpp"

#include <cuda_runtime_api.h>

namespace moe::cuda {

/// What follows the router's matrix product: see LayerKernels::route.
struct TopKParams {
    const float* logits{};  ///< [rows, experts], without the bias
    std::int64_t experts{};
    int top_k{};  ///< <= experts
    Scoring scoring{};
    const float* bias{};          ///< [experts]; null: none
    const std::uint8_t* valid{};  ///< [rows]; 0: padding, whose experts are -1 and weights 0
};
void launch_topk(std::int64_t rows, const TopKParams& params, const Routing& routing,
                 cudaStream_t stream);

}  // namespace moe::cuda
