#include "bench/measure/phase_split.hpp"

#include "bench/measure/statistics.hpp"

#include <algorithm>
#include <utility>

namespace moe {
namespace {

/// One rank's numbers of one step, as they are gathered: its arrival and exit, then the begin and
/// the duration of each phase.
enum Field : std::size_t { kArrival, kExit, kFirstPhase };
constexpr std::size_t kFieldsOfPhase = 2;

const std::string kName = "one layer, phase by phase";
/// More than one layer enqueues.
constexpr int kLaunches = 100;

double median(const std::vector<double>& samples) {
    return estimate_median(samples).median;
}

}  // namespace

PhaseSplitter::PhaseSplitter(const Parts& parts, std::span<const std::string_view> phases,
                             std::string_view exchange, const Skew& skew)
    : parts_(parts),
      names_(phases.begin(), phases.end()),
      exchange_(static_cast<std::size_t>(std::find(names_.begin(), names_.end(), exchange) -
                                         names_.begin())),
      skew_(skew),
      recorder_(parts.device, phases),
      timer_(parts.device, parts.timeline, parts.stream) {
    MOE_EXPECT(exchange_ < names_.size(), "the exchange is not one of the phases");
}

std::vector<double> PhaseSplitter::run(const std::function<void(Trace&)>& step, double delay) {
    const auto region = [&] {
        recorder_.start(parts_.stream);
        step(recorder_);
    };
    const auto [arrival, exit] = timer_.time(kName, region, timer_.by_device(kLaunches), delay);
    std::vector<double> mine{arrival, exit};
    for (const auto& time : recorder_.times()) mine.insert(mine.end(), {time.begin, time.duration});
    return mine;
}

std::vector<RankStep> PhaseSplitter::ranks_of(const std::vector<double>& all) const {
    const auto fields = kFirstPhase + kFieldsOfPhase * names_.size();
    std::vector<RankStep> ranks;
    for (std::size_t at = 0; at < all.size(); at += fields) {
        auto& rank = ranks.emplace_back(RankStep{all[at + kArrival], all[at + kExit], {}});
        for (auto phase = at + kFirstPhase; phase < at + fields; phase += kFieldsOfPhase) {
            rank.phases.push_back({all[phase], all[phase + 1]});
        }
    }
    return ranks;
}

void PhaseSplitter::keep(std::vector<RankStep> ranks, StepSamples& samples) const {
    std::vector<double> reached;  // the exchange
    double start = ranks.front().arrival;
    double exit = ranks.front().exit;
    for (const auto& rank : ranks) {
        reached.push_back(rank.arrival + rank.phases[exchange_].begin);
        start = std::max(start, rank.arrival);
        exit = std::max(exit, rank.exit);
    }
    const auto [first, last] = std::ranges::minmax(reached);
    const auto critical =
        static_cast<std::size_t>(std::ranges::find(reached, last) - reached.begin());
    double wait = 0;
    for (const double moment : reached) wait += last - moment;
    for (std::size_t p = 0; p < names_.size(); ++p) {
        samples.phases[p].push_back(ranks[critical].phases[p].duration);
    }
    samples.wait.push_back(wait / static_cast<double>(ranks.size()));
    samples.spread.push_back(last - first);
    samples.step.push_back(exit - start);
    if (samples.step.back() < samples.least) {
        samples.least = samples.step.back();
        samples.fastest = std::move(ranks);
    }
}

std::vector<PhaseSplit> PhaseSplitter::measure(std::span<const std::function<void(Trace&)>> steps,
                                               int count, const std::function<void()>& prepare) {
    std::vector<StepSamples> samples(steps.size());
    for (auto& step : samples) step.phases.resize(names_.size());
    for (int round = 0; round < count; ++round) {
        const double delay = skew_.delay(static_cast<std::size_t>(round), parts_.bootstrap.rank());
        for (std::size_t i = 0; i < steps.size(); ++i) {
            prepare();
            parts_.stream.synchronize();
            const auto all = parts_.bootstrap.gather(run(steps[i], delay));
            if (!all.empty()) keep(ranks_of(all), samples[i]);
        }
    }
    std::vector<PhaseSplit> splits(steps.size());
    if (parts_.bootstrap.rank() != 0) return splits;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        splits[i] = {{},
                     median(samples[i].wait),
                     median(samples[i].spread),
                     median(samples[i].step),
                     std::move(samples[i].fastest)};
        for (const auto& phase : samples[i].phases) splits[i].phases.push_back(median(phase));
    }
    return splits;
}

}  // namespace moe
