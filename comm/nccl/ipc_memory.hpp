#pragma once

#include "comm/mpi/mpi.hpp"
#include "comm/peer_memory.hpp"

#include <cstddef>
#include <memory>
#include <string>

namespace moe {

/// Collective. Why the ranks of `comm` cannot map each other's GPU memory, found out by mapping a
/// block of it; the same on all ranks, empty where they can.
[[nodiscard]] std::string ipc_memory_obstacle(MPI_Comm comm);

/// Collective. `bytes` on each rank, which may differ; OutOfMemory on all ranks where one has no
/// room. The table's flags and epochs are those that kernels/cuda/peer.hpp describes.
[[nodiscard]] std::unique_ptr<PeerMemory> make_ipc_memory(MPI_Comm comm, std::size_t bytes);

}  // namespace moe
