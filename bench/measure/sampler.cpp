#include "bench/measure/sampler.hpp"

#include "bench/measure/rival_order.hpp"
#include "bench/measure/statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace moe {
namespace {

constexpr std::array<std::string_view, 4> kReasons{"", "ci", "budget", "min_samples"};
enum Reason : std::size_t { kGoOn, kCi, kBudget, kMinSamples };

/// Looking at the interval only at growing distances keeps the chance small that it is narrow by
/// luck at the moment one looks.
constexpr double kCheckpointFactor = 1.5;

/// Warm-up: this share of the budget, but at least and at most so many rounds.
constexpr double kWarmupShare = 0.1;
constexpr int kWarmupLeast = 2;
constexpr int kWarmupMost = 50;

/// Rank 0's view of one series: what has been seen, and whether it is enough.
class Stopper {
public:
    Stopper(const StopRule& rule, const Series& series)
        : rule_(rule), series_(series), checkpoint_(rule.min_samples) {}

    [[nodiscard]] Reason decide(double spent) {
        const auto rounds = static_cast<int>(series_.seconds.front().size());
        if (rounds < rule_.min_samples) return kGoOn;
        if (rounds >= checkpoint_) {
            checkpoint_ = static_cast<int>(std::ceil(rounds * kCheckpointFactor));
            if (all_resolved()) return kCi;
        }
        if (spent < rule_.budget_seconds) return kGoOn;
        return rounds == rule_.min_samples ? kMinSamples : kBudget;
    }

private:
    [[nodiscard]] bool all_resolved() const {
        const auto& baseline = series_.seconds.front();
        // Without rivals there is no ratio to know well: then the time itself.
        if (series_.seconds.size() == 1) {
            return estimate_median(baseline).relative_error() <= rule_.ci;
        }
        return std::all_of(series_.seconds.begin(), series_.seconds.end(), [&](const auto& rival) {
            const auto ratio = estimate_median(paired_ratios(baseline, rival));
            return ratio.relative_error() <= rule_.ci;
        });
    }

    StopRule rule_;
    const Series& series_;
    int checkpoint_;
};

}  // namespace

Sampler::Stamp Sampler::sample(const Rival& rival) {
    rival.prime();
    parts_.stream.synchronize();
    parts_.timeline.wait_for_common_start();
    const double arrival = parts_.timeline.now();
    rival.run();
    parts_.stream.synchronize();
    return {arrival, parts_.timeline.now()};
}

Series Sampler::measure(std::span<const Rival> rivals, const StopRule& rule, std::uint64_t seed,
                        const std::function<void(double)>& beat) {
    auto& control = parts_.control;
    const auto count = rivals.size();
    const RivalOrder order(count, seed);
    Series series;
    series.seconds.resize(count);
    series.arrival_spread.resize(count);
    std::vector<double> stamps(2 * count);

    const auto run_round = [&](std::size_t round) {
        for (const auto rival : order.round(round)) {
            const auto [arrival, exit] = sample(rivals[rival]);
            stamps[2 * rival] = arrival;
            stamps[2 * rival + 1] = exit;
        }
    };
    const auto keep_round = [&](const std::vector<double>& all) {
        for (std::size_t rival = 0; rival < count; ++rival) {
            double first = all[2 * rival];
            double last = first;
            double exit = all[2 * rival + 1];
            for (std::size_t at = 2 * rival; at < all.size(); at += 2 * count) {
                first = std::min(first, all[at]);
                last = std::max(last, all[at]);
                exit = std::max(exit, all[at + 1]);
            }
            series.seconds[rival].push_back(exit - last);
            series.arrival_spread[rival].push_back(last - first);
        }
    };

    double start = parts_.timeline.now();
    std::size_t round = 0;
    for (bool warm = false; !warm; ++round) {
        run_round(round);
        const auto rounds = static_cast<int>(round) + 1;
        const double spent = parts_.timeline.now() - start;
        const bool enough = rounds >= kWarmupMost || spent >= kWarmupShare * rule.budget_seconds;
        warm = control.broadcast(rounds >= kWarmupLeast && enough ? 1.0 : 0.0) != 0;
    }

    start = parts_.timeline.now();
    Stopper stopper(rule, series);
    auto reason = kGoOn;
    while (reason == kGoOn) {
        run_round(round++);
        const auto all = control.gather(stamps);
        const double spent = parts_.timeline.now() - start;
        if (control.rank() == 0) {
            keep_round(all);
            reason = stopper.decide(spent);
        }
        reason = static_cast<Reason>(std::lround(control.broadcast(static_cast<double>(reason))));
        beat(std::min(spent / rule.budget_seconds, 1.0));
    }
    series.stop_reason = kReasons[reason];
    return series;
}

}  // namespace moe
