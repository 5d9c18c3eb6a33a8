#pragma once

#include "comm/peer_memory.hpp"

#include <mpi.h>

#include <cstddef>
#include <memory>
#include <string>

namespace moe {

/// Collective over `comm`. Why its ranks cannot map each other's memory: they are on several hosts,
/// or in containers whose process ids are the same. The same on all ranks; empty where they can.
[[nodiscard]] std::string shared_window_obstacle(MPI_Comm comm);
/// Collective. Why there is no room for `bytes` on this rank and what the others ask for in the
/// file system that shared memory lies in. The same on all ranks; empty where there is.
[[nodiscard]] std::string no_shared_room(MPI_Comm comm, std::size_t bytes);
/// Collective, without an obstacle. A window of MPI_Win_allocate_shared, every page of it touched.
/// OutOfMemory on all ranks where there is no room.
[[nodiscard]] std::unique_ptr<PeerMemory> make_shared_window(MPI_Comm comm, std::size_t bytes);

}  // namespace moe
