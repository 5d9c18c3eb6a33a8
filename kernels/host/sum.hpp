#pragma once

#include "kernels/runtime/matrix.hpp"

#include <span>

namespace moe {

/// Device::sum on a core: any number of operands.
void sum_matrices(std::span<const Matrix> operands, const Matrix& to);

}  // namespace moe
