#include "bench/measure/repeats.hpp"

#include <algorithm>
#include <cmath>

namespace moe {

int runs_per_sample(Mode mode, double fastest, const Overheads& overheads) {
    constexpr double kLongerThanOverhead = 20;
    constexpr double kMax = 200;
    const bool pipelined = mode == Mode::pipelined;
    const double least = pipelined ? kShortestBurst : 1;
    const double overhead =
        pipelined ? std::max(overheads.timer, overheads.agreement) : overheads.timer;
    // The stamps around a region add about one overhead to it. And clocks of several hosts may
    // differ by more than a short one takes: then it seems to take no time, or less.
    const double region = std::max(fastest - overheads.timer, overheads.timer / 10);
    const double runs = std::ceil(kLongerThanOverhead * overhead / region);
    return static_cast<int>(std::clamp(runs, least, kMax));
}

}  // namespace moe
