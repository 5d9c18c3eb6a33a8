#include "bench/measure/timeline.hpp"

#include <sched.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace moe {
namespace {

constexpr int kPings = 100;
constexpr int kAgreements = 32;
/// A start must lie this many agreements ahead, so that the last to learn of it is not late.
constexpr double kMargin = 2;

}  // namespace

Timeline::Timeline(Bootstrap& bootstrap, bool one_clock, Clock clock)
    : bootstrap_(bootstrap),
      one_clock_(one_clock),
      clock_(std::move(clock)),
      timer_(measure_timer()) {
    synchronize();
}

void Timeline::synchronize() {
    measure_agreement();
    if (one_clock_) return;
    residual_ = 0;
    for (int rank = 1; rank < bootstrap_.size(); ++rank) measure_offset_of(rank);
    residual_ = bootstrap_.max(residual_);
}

void Timeline::measure_agreement() {
    std::vector<double> took;
    for (int i = 0; i < kAgreements; ++i) {
        const double start = clock_();
        static_cast<void>(bootstrap_.max(start));
        took.push_back(clock_() - start);
    }
    std::nth_element(took.begin(), took.begin() + kAgreements / 4, took.end());
    agreement_ = bootstrap_.max(took[kAgreements / 4]);
}

void Timeline::measure_offset_of(int rank) {
    if (bootstrap_.rank() == 0) {
        for (int i = 0; i < kPings; ++i) {
            static_cast<void>(bootstrap_.receive(rank));
            bootstrap_.send(clock_(), rank);
        }
    } else if (bootstrap_.rank() == rank) {
        double fastest = std::numeric_limits<double>::infinity();
        for (int i = 0; i < kPings; ++i) {
            const double sent = clock_();
            bootstrap_.send(sent, 0);
            const double theirs = bootstrap_.receive(0);
            const double got = clock_();
            if (got - sent >= fastest) continue;
            fastest = got - sent;
            offset_ = theirs - (sent + got) / 2;
        }
        residual_ = fastest / 2;
    }
}

void Timeline::wait_for_common_start() {
    const double start = bootstrap_.max(now()) + kMargin * agreement_;
    // Yielding costs nothing where every rank has a core, and lets the late ones run where not.
    while (now() < start) sched_yield();
}

TimerQuality measure_timer() {
    constexpr int kReads = 10000;
    TimerQuality quality{0, std::numeric_limits<double>::infinity()};
    const double first = steady_seconds();
    double last = first;
    for (int i = 0; i < kReads; ++i) {
        const double now = steady_seconds();
        if (now > last) quality.resolution = std::min(quality.resolution, now - last);
        last = now;
    }
    quality.overhead = (last - first) / kReads;
    return quality;
}

}  // namespace moe
