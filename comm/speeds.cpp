#include "comm/speeds.hpp"

#include <algorithm>

namespace moe {

double limit_seconds(const Cost& cost, const Speeds& speeds) {
    const auto seconds = [](std::int64_t bytes, double speed) {
        return bytes == 0 ? 0.0 : static_cast<double>(bytes) / speed;
    };
    return std::max(seconds(cost.link_bytes, speeds.link),
                    seconds(cost.memory_bytes, speeds.memory)) +
           cost.barriers * speeds.barrier;
}

}  // namespace moe
