#include "bench/measure/phase_split.hpp"

#include "bench/measure/statistics.hpp"

#include <algorithm>

namespace moe {
namespace {

/// One rank's numbers of one step, as they are gathered: arrival at the exchange, start and exit of
/// the step, then the duration of each phase.
enum Field : std::size_t { kExchangeArrival, kArrival, kExit, kFirstPhase };

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
    const auto times = recorder_.times();
    std::vector<double> mine{arrival + times[exchange_].begin, arrival, exit};
    for (const auto& time : times) mine.push_back(time.duration);
    return mine;
}

void PhaseSplitter::keep(const std::vector<double>& all, StepSamples& samples) const {
    const auto fields = kFirstPhase + names_.size();
    const auto ranks = all.size() / fields;
    std::size_t critical = 0;
    double first = all[kExchangeArrival];
    double start = all[kArrival];
    double exit = all[kExit];
    for (std::size_t rank = 1; rank < ranks; ++rank) {
        const double* at = &all[rank * fields];
        if (at[kExchangeArrival] > all[critical * fields + kExchangeArrival]) critical = rank;
        first = std::min(first, at[kExchangeArrival]);
        start = std::max(start, at[kArrival]);
        exit = std::max(exit, at[kExit]);
    }
    const double* slowest = &all[critical * fields];
    double wait = 0;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
        wait += slowest[kExchangeArrival] - all[rank * fields + kExchangeArrival];
    }
    for (std::size_t p = 0; p < names_.size(); ++p) {
        samples.phases[p].push_back(slowest[kFirstPhase + p]);
    }
    samples.wait.push_back(wait / static_cast<double>(ranks));
    samples.spread.push_back(slowest[kExchangeArrival] - first);
    samples.step.push_back(exit - start);
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
            if (!all.empty()) keep(all, samples[i]);
        }
    }
    std::vector<PhaseSplit> splits(steps.size());
    if (parts_.bootstrap.rank() != 0) return splits;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        splits[i] = {
            {}, median(samples[i].wait), median(samples[i].spread), median(samples[i].step)};
        for (const auto& phase : samples[i].phases) splits[i].phases.push_back(median(phase));
    }
    return splits;
}

}  // namespace moe
