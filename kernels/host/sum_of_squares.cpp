// Compiled with -ffast-math, without which the compiler adds one number after the other.
#include "kernels/host/sum_of_squares.hpp"

namespace moe {

float sum_of_squares(const float* values, std::int64_t count) {
    float sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += values[i] * values[i];
    return sum;
}

}  // namespace moe
