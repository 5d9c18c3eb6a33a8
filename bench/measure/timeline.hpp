#pragma once

#include "comm/bootstrap.hpp"
#include "kernels/runtime/clock.hpp"

namespace moe {

/// What reading the clock costs, and the smallest step it shows, in seconds.
struct TimerQuality {
    double overhead{};
    double resolution{};
};
[[nodiscard]] TimerQuality measure_timer();

/// One time for all ranks, and a common moment to start from. On one host the monotonic clock is
/// that time; ranks on other hosts add an offset to rank 0's clock, found by an exchange of pings
/// (the reply of the fastest is half its round trip old; Cristian 1989).
class Timeline {
public:
    /// Collective. With `one_clock` false the offsets are measured.
    Timeline(Bootstrap& bootstrap, bool one_clock, Clock clock = steady_seconds);

    /// Collective. Measures anew the offsets, since clocks drift by microseconds each second, and
    /// what agreeing takes, since one busy moment would otherwise slow down every later start.
    void synchronize();
    /// Seconds on rank 0's clock.
    [[nodiscard]] double now() const { return clock_() + offset_; }
    /// Half the fastest round trip: what now() may be wrong by. The worst of all ranks.
    [[nodiscard]] double residual() const { return residual_; }
    /// Collective. Agrees on a moment that is still to come and returns when it has: all ranks
    /// leave at once, whenever they entered.
    void wait_for_common_start();
    /// What it took to agree, in seconds: the margin before a common start. Lower quartile, of the
    /// slowest rank: who comes late after all shows in the arrival spread, not in the sample.
    [[nodiscard]] double agreement_seconds() const { return agreement_; }
    /// Of this rank's own clock.
    [[nodiscard]] const TimerQuality& timer() const { return timer_; }

private:
    void measure_agreement();
    void measure_offset_of(int rank);

    Bootstrap& bootstrap_;
    bool one_clock_;
    Clock clock_;
    double offset_{};
    double residual_{};
    double agreement_{};
    TimerQuality timer_;
};

}  // namespace moe
