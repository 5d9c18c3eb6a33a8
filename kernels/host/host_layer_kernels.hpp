#pragma once

#include "kernels/runtime/layer_kernels.hpp"

#include <memory>

namespace moe {

[[nodiscard]] std::unique_ptr<LayerKernels> make_host_layer_kernels(Device& device,
                                                                    const LayerDims& dims);
[[nodiscard]] std::size_t host_layer_scratch_bytes(const LayerDims& dims);

/// The top_k largest of scores [experts], best first; of equal scores the lower index comes first.
void top_k(const float* scores, std::int64_t experts, int top_k, std::int32_t* chosen);

}  // namespace moe
