#pragma once

#include "kernels/runtime/layer_kernels.hpp"

#include <memory>

namespace moe {

/// Experts compute in f32 whatever rows travel as. One BLAS thread for each rank from here on.
[[nodiscard]] std::unique_ptr<LayerKernelsFactory> make_host_layer_kernels_factory();

/// The top_k largest of scores [experts], best first; of equal scores the lower index comes first.
void topk(const float* scores, std::int64_t experts, int top_k, std::int32_t* chosen);

}  // namespace moe
