#pragma once

#include "comm/backend.hpp"

#include <memory>
#include <string>

namespace moe {

/// Where a rank's GPU is, seen from all ranks.
struct GpuChoice {
    std::unique_ptr<Device> device;
    Placement placement;
    std::string no_symmetric_memory;  ///< why ranks cannot reach each other's memory; or empty
    std::vector<std::string> warnings;
};

/// Collective over MPI_COMM_WORLD, before anything is asked of NCCL, whose settings it may make:
/// gives each rank of a host a GPU of its own, of those that it can see. All ranks hear of one that
/// has none, and of GPUs that ranks would share unless options.share_gpu says that they may.
[[nodiscard]] GpuChoice choose_gpu(const BackendOptions& options);

}  // namespace moe
