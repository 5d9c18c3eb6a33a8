// The CUDA backend: device memory, NCCL collectives, everything stream-ordered.
#include "comm/backend.hpp"
#include "comm/nccl/gpu_choice.hpp"
#include "comm/nccl/nccl.hpp"
#include "comm/nccl/nccl_communicator.hpp"
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/layer_kernels.hpp"

#include <fmt/format.h>

namespace moe {

std::string cuda_backend_missing() {
    return cuda::why_no_device();
}

std::string cuda_backend_libraries() {
    return fmt::format("NCCL {}, {}", nccl::version_text(nccl::version()), cuda::versions());
}

Backend open_cuda_backend(const BackendOptions& options) {
    const double patience_seconds = options.timeout_seconds + kBeyondTimeout;
    auto choice = choose_gpu(options, patience_seconds);
    const auto other_version = nccl::version_warning(nccl::kBuiltAgainst, nccl::version());
    if (!other_version.empty()) choice.warnings.push_back(other_version);
    auto world = make_nccl_world({.no_symmetric_memory = std::move(choice.no_symmetric_memory),
                                  .ranks_on_gpu = choice.placement.ranks_per_device,
                                  .patience_seconds = patience_seconds});
    return {.name = "cuda",
            .device = std::move(choice.device),
            .world = std::move(world.communicator),
            .layer_kernels = make_cuda_layer_kernels_factory(choice.placement.ranks_per_device),
            .libraries = cuda_backend_libraries(),
            .built_against = fmt::format("NCCL {}", nccl::version_text(nccl::kBuiltAgainst)),
            .nccl_version = nccl::version_text(nccl::version()),
            .placement = std::move(choice.placement),
            .gpus = true,
            .failure = std::move(world.failure),
            .warnings = std::move(choice.warnings)};
}

}  // namespace moe
