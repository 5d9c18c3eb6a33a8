#pragma once

#include "comm/communicator.hpp"

#include <mpi.h>

#include <memory>

namespace moe {

/// Collectives of host memory over MPI, which are done when a call returns. Collective; takes
/// `comm` over.
[[nodiscard]] std::unique_ptr<Communicator> make_mpi_communicator(MPI_Comm comm);

}  // namespace moe
