#include "bench/measure/stop_rule.hpp"

#include "bench/measure/statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace moe {
namespace {

constexpr double kCheckpointFactor = 1.5;

/// Warm-up: whole windows in this share of the budget, but at least and at most so many rounds.
constexpr double kWarmUpShare = 0.1;
constexpr int kMinWarmUp = 2;
constexpr int kMaxWarmUp = 200;
constexpr int kWindow = 8;
/// A median that falls by less than this is within what noise does to a window's median.
constexpr double kStill = 0.05;

int rounds_of(const Samples& samples) {
    return static_cast<int>(samples.front().size());
}

bool all_resolved(const Samples& samples, double ci) {
    const auto& baseline = samples.front();
    // Without candidates there is no ratio to know well: then the time itself.
    if (samples.size() == 1) return estimate_median(baseline).relative_error() <= ci;
    return std::all_of(samples.begin(), samples.end(), [&](const auto& candidate) {
        return estimate_median(paired_ratios(baseline, candidate)).relative_error() <= ci;
    });
}

/// Of the window that ends `back` windows before the last round.
double window_median(const std::vector<double>& seconds, std::ptrdiff_t back) {
    const auto last = seconds.end() - back * kWindow;
    return estimate_median({last - kWindow, last}).median;
}

}  // namespace

std::string_view to_string(StopReason reason) {
    constexpr std::array<std::string_view, 4> kNames{"", "ci", "budget", "min_samples"};
    return kNames[static_cast<std::size_t>(reason)];
}

NextRounds next_rounds(const StopRule& rule, const Samples& samples, double spent, int of_round) {
    const int rounds = rounds_of(samples) / of_round;
    const int least = (rule.min_samples + of_round - 1) / of_round;
    if (rounds < least) return {least - rounds, StopReason::none};
    int before = 0;
    int checkpoint = least;
    while (checkpoint <= rounds) {
        before = checkpoint;
        checkpoint = static_cast<int>(std::ceil(checkpoint * kCheckpointFactor));
    }
    // After a way that was cut and turned out too short, `rounds` lies between two checkpoints.
    if (rounds == before && all_resolved(samples, rule.ci)) return {0, StopReason::ci};
    const double left = rule.budget_seconds - spent;
    if (left <= 0) {
        return {0, rounds == least ? StopReason::min_samples : StopReason::budget};
    }
    const double in_budget = std::ceil(left / spent * rounds);
    return {static_cast<int>(std::min<double>(checkpoint - rounds, in_budget)), StopReason::none};
}

int next_warm_up_rounds(const Samples& samples, double spent, double budget) {
    const int rounds = rounds_of(samples);
    if (rounds == 0) return kMinWarmUp;
    const double after_a_window = spent / rounds * (rounds + kWindow);
    if (after_a_window > kWarmUpShare * budget || rounds + kWindow > kMaxWarmUp) return 0;
    if (rounds < kMinWarmUp + 2 * kWindow) return kWindow;
    const bool falls = std::any_of(samples.begin(), samples.end(), [](const auto& candidate) {
        return window_median(candidate, 0) < (1 - kStill) * window_median(candidate, 1);
    });
    return falls ? kWindow : 0;
}

}  // namespace moe
