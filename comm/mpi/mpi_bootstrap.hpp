#pragma once

#include "comm/bootstrap.hpp"

#include <memory>

namespace moe {

/// Over all ranks of the job, on a communicator of its own. Collective.
[[nodiscard]] std::unique_ptr<Bootstrap> make_mpi_bootstrap();

}  // namespace moe
