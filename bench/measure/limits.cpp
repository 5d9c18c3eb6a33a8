#include "bench/measure/limits.hpp"

namespace moe {
namespace {

/// A limit is the best of a few runs and has noise of its own.
constexpr double kSlack = 1.1;

}  // namespace

bool exceeds_limit(double measured, double limit) {
    return limit > kSlack * measured;
}

}  // namespace moe
