#pragma once

#include "comm/communicator.hpp"

#include <functional>
#include <span>

namespace moe {

/// One call between two matrices of all rows: `in` holds every rank's block.
using Call = std::function<void(const Matrix& in, const Matrix& out)>;

/// What calls are made with; everything outlives them.
struct CallSetup {
    Device& device;
    Communicator& world;
    Stream& stream;
};

/// A collective of the library, or one by kernels over peer memory.
struct Collective {
    const char* name;
    /// busbw over algbw, for n ranks; the matrix is what nccl-tests calls the size.
    double (*bus_factor)(double n);
    /// Collective. What makes the calls for matrices of this shape.
    Call (*prepare)(const CallSetup& setup, const Matrix& shape);
    bool peer{};  ///< by kernels over peer memory
};

[[nodiscard]] std::span<const Collective> collectives();

}  // namespace moe
