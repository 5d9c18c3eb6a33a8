#pragma once

#include "kernels/runtime/dtype.hpp"

#include <mpi.h>

namespace moe::mpi {

/// How MPI adds elements of one type.
struct Sum {
    MPI_Datatype type;
    MPI_Op op;
};

/// MPI has no 16-bit floats: their elements travel as 16-bit integers and are added by an operation
/// of our own, in float, rounded once for each addition. Valid from MPI_Init to MPI_Finalize.
[[nodiscard]] Sum sum_of(DType dtype);

}  // namespace moe::mpi
