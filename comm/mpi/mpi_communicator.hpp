#pragma once

#include "comm/communicator.hpp"

#include <mpi.h>

#include <cstdint>
#include <memory>

namespace moe {

/// What a rank does with its core while it waits for what another one writes: keep it where every
/// rank has one of its own, as MPI does (who yields to a process of others is back after a time
/// slice, milliseconds later), or yield it where ranks share cores.
enum class IdleCore : std::uint8_t { keep, yield };

/// Collectives of host memory over MPI, which are done when a call returns. Collective; takes
/// `comm` over.
[[nodiscard]] std::unique_ptr<Communicator> make_mpi_communicator(MPI_Comm comm,
                                                                  IdleCore idle_core);

}  // namespace moe
