// The CUDA backend: device memory, NCCL collectives, everything stream-ordered.
#include "comm/backend.hpp"
#include "comm/nccl/gpu_choice.hpp"
#include "comm/nccl/nccl_communicator.hpp"
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/layer_kernels.hpp"

#include <fmt/format.h>

namespace moe {

std::string cuda_backend_missing() {
    return cuda::why_no_device();
}

std::string cuda_backend_libraries() {
    const int nccl = nccl::version();
    return fmt::format("NCCL {}.{}.{}, {}", nccl / 10000, nccl / 100 % 100, nccl % 100,
                       cuda::versions());
}

Backend open_cuda_backend(const BackendOptions& options) {
    auto choice = choose_gpu(options);
    auto world = make_nccl_world(choice.no_symmetric_memory);
    return {.name = "cuda",
            .device = std::move(choice.device),
            .world = std::move(world.communicator),
            .layer_kernels = make_cuda_layer_kernels_factory(),
            .libraries = cuda_backend_libraries(),
            .placement = std::move(choice.placement),
            .gpus = true,
            .failure = std::move(world.failure),
            .warnings = std::move(choice.warnings)};
}

}  // namespace moe
