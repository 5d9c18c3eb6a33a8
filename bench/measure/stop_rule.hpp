#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace moe {

/// When a series has enough samples. Decided by rank 0 for all.
struct StopRule {
    int min_samples{20};
    double budget_seconds{2};
    double ci{0.02};  ///< half width of the interval of each paired speed-up, relative
};

/// [candidate][round] seconds; candidate 0 is what the others' speed-ups are relative to.
using Samples = std::vector<std::vector<double>>;

/// Why a series has no more samples. ci: all speed-ups are known well enough; budget: the time is
/// spent; min_samples: it was spent before there were enough samples.
enum class StopReason : std::uint8_t { none, ci, budget, min_samples };
[[nodiscard]] std::string_view to_string(StopReason reason);

/// What follows after the rounds so far: so many more, or none, and why.
struct NextRounds {
    int rounds{};
    StopReason reason{};
};
/// Rounds from one geometric checkpoint to the next. The interval is evaluated at checkpoints only:
/// at growing distances the chance stays small that it is narrow by luck, and ranks that exchange
/// nothing do not disturb what they measure.
/// The way to the next checkpoint is cut where the budget will be spent, by what a round took so
/// far, so that it is overrun by about one round at most. `spent`: seconds since the first round.
/// A round has `of_round` samples of each candidate.
[[nodiscard]] NextRounds next_rounds(const StopRule& rule, const Samples& samples, double spent,
                                     int of_round = 1);

/// Rounds of warm-up to run next; 0 when warm. `samples` are those of the warm-up so far, `spent`
/// its seconds, `budget` what the samples proper may take.
///
/// The first runs are slower than the rest: pages are touched and buffers registered for the first
/// time, connections are made, clocks rise. How many runs that takes depends on the strategy and
/// its size, so it is looked at, not assumed: windows of rounds follow each other until no
/// candidate's median falls from one to the next. The slowest to settle decides, because candidates
/// share rounds.
[[nodiscard]] int next_warm_up_rounds(const Samples& samples, double spent, double budget);

}  // namespace moe
