#pragma once

#include "kernels/runtime/matrix.hpp"
#include "kernels/runtime/weighted_rows.hpp"

namespace moe {

/// Device::weighted_sum for dense rows of f32, which the host's experts compute in.
void weighted_sum(const WeightedRows& rows, const Matrix& dense, const Matrix& to);

}  // namespace moe
