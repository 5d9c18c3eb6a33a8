#pragma once

#include "comm/communicator.hpp"
#include "comm/nccl/nccl.hpp"

#include <functional>
#include <memory>
#include <string>

namespace moe {

/// Collective over MPI_COMM_WORLD, each rank with its device chosen.
struct NcclWorld {
    std::unique_ptr<Communicator> communicator;
    /// What went wrong in the background with any communicator of this rank, for any thread to ask:
    /// NCCL's kernels would wait for a dead peer forever. Empty while nothing did.
    std::function<std::string()> failure;
};
struct NcclWorldOptions {
    std::string no_symmetric_memory;  ///< why NCCL gives ranks none; empty where it does
    int ranks_on_gpu{1};              ///< of the GPU that has most
    double patience_seconds{};        ///< that a kernel waits for another rank's
};
[[nodiscard]] NcclWorld make_nccl_world(const NcclWorldOptions& options);

}  // namespace moe
