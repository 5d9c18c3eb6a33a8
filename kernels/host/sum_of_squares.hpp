#pragma once

#include <cstdint>

namespace moe {

[[nodiscard]] float sum_of_squares(const float* values, std::int64_t count);

}  // namespace moe
