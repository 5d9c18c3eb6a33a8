#pragma once

#include "kernels/runtime/matrix.hpp"

#include <span>

namespace moe {

/// Device::sum on a core: any number of terms.
void sum_matrices(std::span<const Matrix> terms, const Matrix& to);

}  // namespace moe
