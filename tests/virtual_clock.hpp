#pragma once

#include "comm/bootstrap.hpp"
#include "kernels/runtime/clock.hpp"

#include <random>

namespace moe {

/// A clock on which nothing passes but what a test says, and with every look a little, as much as a
/// generator says: what is timed by it is the same on every machine, however busy. Each rank has
/// its own; common starts and meetings bring them together.
class VirtualClock {
public:
    static constexpr double kTick = 1e-6;  ///< at most, with one look

    /// Work that takes so long.
    void pass_ms(double ms) { now_ += ms * 1e-3; }
    /// Collective. Work that ends on all ranks when the last has come.
    void meet(Bootstrap& bootstrap) { now_ = bootstrap.max(now_); }
    [[nodiscard]] Clock clock() {
        return [this] { return now_ += look_(generator_); };
    }

private:
    double now_{};
    std::minstd_rand generator_;
    std::uniform_real_distribution<double> look_{0.05 * kTick, kTick};
};

/// Seconds that looking at the clock may add to a sample.
inline constexpr double kNear = 20 * VirtualClock::kTick;

}  // namespace moe
