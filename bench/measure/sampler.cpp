#include "bench/measure/sampler.hpp"

#include "bench/measure/candidate_order.hpp"
#include "bench/measure/skew.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moe {
namespace {

/// Rank 0's number, on every rank.
int agree(Bootstrap& bootstrap, int value) {
    return static_cast<int>(std::lround(bootstrap.broadcast(value)));
}

/// Runs the rounds of one series, one batch after the other in the order of the candidates.
class Rounds {
public:
    Rounds(const Sampler::Parts& parts, std::span<const Candidate> candidates, double skew,
           std::uint64_t seed)
        : parts_(parts),
          candidates_(candidates),
          order_(candidates.size(), seed),
          skew_(skew, parts.bootstrap.size(), seed) {}

    [[nodiscard]] bool chained() const { return candidates_.front().region_seconds != nullptr; }
    [[nodiscard]] bool has_parts() const {
        return std::ranges::any_of(candidates_,
                                   [](const auto& candidate) { return candidate.parts > 0; });
    }
    /// Samples of each candidate in one round.
    [[nodiscard]] int samples_of_round() const {
        return chained() ? candidates_.front().regions : 1;
    }
    /// Rounds that have so many samples of each candidate at least.
    [[nodiscard]] int for_samples(int samples) const {
        return (samples + samples_of_round() - 1) / samples_of_round();
    }

    [[nodiscard]] Series empty_series(int runs) const {
        Series series;
        series.by_device = by_device(runs);
        series.seconds.resize(candidates_.size());
        series.arrival_spread.resize(candidates_.size());
        series.predecessors.resize(candidates_.size());
        for (const auto& candidate : candidates_) {
            series.parts.emplace_back(static_cast<std::size_t>(candidate.parts));
        }
        series.repeats = chained() ? 1 : runs * candidates_.front().regions;
        return series;
    }

    /// Collective. So many more rounds, of which rank 0 appends the samples. Until the last round
    /// is over, ranks exchange only what agreeing on a sample's start takes.
    void run(int count, Series& series, const std::function<void()>& on_progress) {
        std::vector<double> numbers;
        numbers.reserve(numbers_of_round() * static_cast<std::size_t>(count));
        const auto first = next_;
        for (; next_ < first + static_cast<std::size_t>(count); ++next_) {
            const double delay = skew_.delay(next_, parts_.bootstrap.rank());
            for (const auto candidate : order_.round(next_)) {
                sample(candidates_[candidate], series, delay, numbers);
                on_progress();
            }
        }
        const auto all = parts_.bootstrap.gather(numbers);
        if (!all.empty()) keep(all, first, numbers.size(), series);
    }

    /// Collective. Each candidate once, untimed: what happens only the first time.
    void run_once() const {
        for (const auto& candidate : candidates_) {
            candidate.warm_up();
            candidate.run();
            parts_.stream.synchronize();
        }
    }
    /// All candidates alike, or their times could not be compared.
    [[nodiscard]] bool by_device(int runs) const {
        if (chained()) return true;
        return parts_.timer != nullptr &&
               std::ranges::all_of(candidates_, [&](const auto& candidate) {
                   return parts_.timer->by_device(runs * candidate.launches);
               });
    }

private:
    [[nodiscard]] static std::size_t numbers_of_sample(const Candidate& candidate) {
        return 2 + static_cast<std::size_t>(candidate.parts);
    }
    [[nodiscard]] std::size_t numbers_of_round() const {
        std::size_t numbers = 0;
        for (const auto& candidate : candidates_) numbers += numbers_of_sample(candidate);
        return numbers * static_cast<std::size_t>(samples_of_round());
    }

    /// Appends each sample as arrival, exit, and the exits of its parts.
    void sample(const Candidate& candidate, const Series& series, double delay,
                std::vector<double>& numbers) const {
        const auto stamps = time(candidate, series, delay);
        const auto parts = candidate.parts > 0 ? candidate.part_seconds() : std::vector<double>();
        auto part = parts.begin();
        for (const auto& stamp : stamps) {
            const auto push_exit = [&](double exit) {
                numbers.push_back(exit + candidate.slowdown * (exit - stamp.arrival));
            };
            numbers.push_back(stamp.arrival);
            push_exit(stamp.exit);
            for (int i = 0; i < candidate.parts; ++i) push_exit(stamp.arrival + *part++);
        }
    }

    [[nodiscard]] std::vector<Stamp> time(const Candidate& candidate, const Series& series,
                                          double delay) const {
        candidate.warm_up();
        parts_.stream.synchronize();
        if (chained()) {
            return parts_.timer->time_each(candidate.name, candidate.run, candidate.region_seconds);
        }
        const int runs = series.repeats / candidate.regions;
        const auto region = [&] {
            for (int i = 0; i < runs; ++i) candidate.run();
        };
        if (parts_.timer != nullptr) {
            return {parts_.timer->time(candidate.name, region, series.by_device, delay)};
        }
        parts_.timeline.wait_for_common_start();
        const double arrival = parts_.timeline.now();
        region();
        return {{arrival, parts_.timeline.now()}};
    }

    /// `all` has `of_rank` numbers of each rank, of every sample since round `first`.
    void keep(const std::vector<double>& all, std::size_t first, std::size_t of_rank,
              Series& series) const {
        Predecessor predecessor;
        std::size_t index = 0;
        for (auto round = first; round < next_; ++round) {
            for (const auto candidate : order_.round(round)) {
                const auto numbers = numbers_of_sample(candidates_[candidate]);
                for (int i = 0; i < samples_of_round(); ++i, index += numbers) {
                    keep_sample(all, index, of_rank, candidate, series);
                    // Regions of a chain mostly follow their own kind.
                    series.predecessors[candidate].push_back(chained() ? std::nullopt
                                                                       : predecessor);
                }
                predecessor = candidate;
            }
        }
    }

    void keep_sample(const std::vector<double>& all, std::size_t index, std::size_t of_rank,
                     std::size_t candidate, Series& series) const {
        double first_arrival = all[index];
        double last_arrival = first_arrival;
        for (auto at = index; at < all.size(); at += of_rank) {
            first_arrival = std::min(first_arrival, all[at]);
            last_arrival = std::max(last_arrival, all[at]);
        }
        // Until the last rank's exit, which is so many numbers behind its arrival.
        const auto taken = [&](std::size_t behind) {
            double seconds = -std::numeric_limits<double>::infinity();
            for (auto at = index; at < all.size(); at += of_rank) {
                // Regions of a chain begin together on the devices, whenever their hosts launched
                // it.
                const double start = chained() ? all[at] : last_arrival;
                seconds = std::max(seconds, all[at + behind] - start);
            }
            return seconds / series.repeats;
        };
        series.seconds[candidate].push_back(taken(1));
        for (std::size_t part = 0; part < series.parts[candidate].size(); ++part) {
            series.parts[candidate][part].push_back(taken(2 + part));
        }
        series.arrival_spread[candidate].push_back(last_arrival - first_arrival);
    }

    Sampler::Parts parts_;
    std::span<const Candidate> candidates_;
    CandidateOrder order_;
    Skew skew_;
    std::size_t next_{};  ///< round
};

/// Of `regions` regions, which each sample is the mean of. Not a median: what delays a sample of a
/// warm-up is mostly not the candidate.
double fastest_run(const Samples& samples, int regions) {
    double fastest = std::numeric_limits<double>::infinity();
    for (const auto& candidate : samples) {
        fastest = std::min(fastest, *std::min_element(candidate.begin(), candidate.end()));
    }
    return fastest * regions;
}

}  // namespace

Series Sampler::measure(std::span<const Candidate> candidates, const StopRule& rule,
                        std::uint64_t seed, const std::function<void(double)>& on_progress) {
    auto& bootstrap = parts_.bootstrap;
    auto& timeline = parts_.timeline;
    const bool decides = bootstrap.rank() == 0;
    MOE_EXPECT(skew_ == 0 || parts_.timer != nullptr, "only a RegionTimer lets ranks come late");
    Rounds rounds(parts_, candidates, skew_, seed);

    timeline.synchronize();
    const auto warm_up = [&](int runs) {
        auto series = rounds.empty_series(runs);
        const double start = timeline.now();
        const auto next = [&] {
            const double spent = timeline.now() - start;
            return decides ? next_warm_up_rounds(series.seconds, spent, rule.budget_seconds) : 0;
        };
        while (const int samples = agree(bootstrap, next())) {
            rounds.run(rounds.for_samples(samples), series, [&] { on_progress(0); });
        }
        return series.seconds;
    };
    if (parts_.timer != nullptr) rounds.run_once();
    const auto single = warm_up(1);
    const double overhead = parts_.timer == nullptr ? timeline.timer().overhead
                                                    : parts_.timer->overhead(rounds.by_device(1));
    const Overheads overheads{overhead, timeline.agreement_seconds()};
    int runs = 1;
    if (!rounds.chained() && !rounds.has_parts() && skew_ <= 0) {
        const auto wanted = [&] {
            return runs_per_sample(mode_, fastest_run(single, candidates.front().regions),
                                   overheads);
        };
        runs = agree(bootstrap, decides ? wanted() : 0);
    }
    // Rather fewer runs than another clock. A burst is longer than a device's queue anyway.
    if (mode_ == Mode::isolated && !rounds.chained() && rounds.by_device(1)) {
        while (!rounds.by_device(runs)) --runs;
    }
    if (runs > 1) static_cast<void>(warm_up(runs));

    auto series = rounds.empty_series(runs);
    const double start = timeline.now();
    const auto spent = [&] { return timeline.now() - start; };
    for (NextRounds next;;) {
        if (decides) next = next_rounds(rule, series.seconds, spent(), rounds.samples_of_round());
        next.rounds = agree(bootstrap, next.rounds);
        if (next.rounds == 0) {
            series.stop_reason =
                static_cast<StopReason>(agree(bootstrap, static_cast<int>(next.reason)));
            return series;
        }
        rounds.run(next.rounds, series,
                   [&] { on_progress(std::min(spent() / rule.budget_seconds, 1.0)); });
    }
}

}  // namespace moe
