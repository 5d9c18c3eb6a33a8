#pragma once

#include "kernels/runtime/layer_kernels.hpp"

#include <memory>

namespace moe {

/// Experts compute in the type that rows travel as, with sums in f32. Where several ranks share the
/// GPU, no kernel waits for several multiprocessors to be free at once, as far as cuBLASLt has
/// such.
[[nodiscard]] std::unique_ptr<LayerKernelsFactory> make_cuda_layer_kernels_factory(
    int ranks_on_gpu = 1);

}  // namespace moe
