#pragma once

#include "kernels/runtime/matrix.hpp"
#include "kernels/runtime/weighted_rows.hpp"

#include <cstdint>

namespace moe {

/// Device::weighted_sum for dense rows of f32, which the host's experts compute in.
void weighted_sum(const WeightedRows& rows, const Matrix& dense, const Matrix& to);

/// to [1, cols] = row `row` of that. Fetches dense rows of the entries that come next into the
/// cache, so call it for rows in their order, with all of them in `rows`.
void weighted_row(const WeightedRows& rows, std::int64_t row, const Matrix& dense,
                  const Matrix& to);

}  // namespace moe
