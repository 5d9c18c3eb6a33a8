#pragma once

#include "comm/backend.hpp"

#include <memory>
#include <string>

namespace moe {

/// A rank's GPU and how all GPUs of the job are placed.
struct GpuChoice {
    std::unique_ptr<Device> device;
    Placement placement;
    std::string no_symmetric_memory;  ///< why ranks cannot reach each other's memory; or empty
    std::vector<std::string> warnings;
};

/// Collective over MPI_COMM_WORLD, before anything is asked of NCCL, whose settings it may make:
/// gives each rank of a host a GPU of its own, of those that it can see. A BadArgument on all ranks
/// where one has none, or where ranks would share a GPU without options.share_gpu. The device waits
/// `patience_seconds` for its host.
[[nodiscard]] GpuChoice choose_gpu(const BackendOptions& options, double patience_seconds);

}  // namespace moe
