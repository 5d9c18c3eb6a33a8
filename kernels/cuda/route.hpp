#pragma once

#include "kernels/runtime/layer_kernels.hpp"

#include <cuda_runtime_api.h>

namespace moe::cuda {

/// What follows the router's matrix product: see LayerKernels::route. `logits` [rows, E], f32 and
/// without the bias; x is read for the shared expert's gate only.
struct Choosing {
    const float* logits{};
    std::int64_t experts{};
    int top_k{};
    Scoring scoring{};
    const float* bias{};
    const std::byte* gate{};
    const std::uint8_t* live{};
    float* shared_weight{};  ///< null: no shared expert
};
void launch_choose(const Matrix& x, const Choosing& choosing, const Routing& routing,
                   cudaStream_t stream);

}  // namespace moe::cuda
