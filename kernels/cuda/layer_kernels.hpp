#pragma once

#include "kernels/runtime/layer_kernels.hpp"

#include <memory>

namespace moe {

/// Experts compute in the type that rows travel as, with sums in f32.
[[nodiscard]] std::unique_ptr<LayerKernelsFactory> make_cuda_layer_kernels_factory();

}  // namespace moe
