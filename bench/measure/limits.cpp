#include "bench/measure/limits.hpp"

#include <algorithm>

namespace moe {
namespace {

/// A limit is the best of a few runs and has noise of its own.
constexpr double kSlack = 1.1;

}  // namespace

double limit_seconds(const Cost& cost, const Speeds& speeds) {
    const auto seconds = [](std::int64_t bytes, double speed) {
        return bytes == 0 ? 0.0 : static_cast<double>(bytes) / speed;
    };
    return std::max(seconds(cost.link_bytes, speeds.link),
                    seconds(cost.memory_bytes, speeds.memory)) +
           cost.barriers * speeds.barrier;
}

bool exceeds_limit(double measured, double limit) {
    return limit > kSlack * measured;
}

}  // namespace moe
