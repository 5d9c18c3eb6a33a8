#pragma once

#include "comm/control.hpp"

#include <memory>

namespace moe {

/// Over all ranks of the job, on a communicator of its own. Collective.
[[nodiscard]] std::unique_ptr<Control> make_mpi_control();

}  // namespace moe
