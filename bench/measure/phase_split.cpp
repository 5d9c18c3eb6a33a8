#include "bench/measure/phase_split.hpp"

#include "bench/measure/statistics.hpp"

#include <algorithm>

namespace moe {
namespace {

/// One rank's numbers of one step, as they are gathered: arrival at the exchange, start and exit of
/// the step, then the duration of each phase.
enum Field : std::size_t { kExchangeArrival, kArrival, kExit, kFirstPhase };

double median(const std::vector<double>& samples) {
    return estimate_median(samples).median;
}

}  // namespace

PhaseSplitter::PhaseSplitter(const Parts& parts, std::span<const std::string_view> phases,
                             std::string_view exchange)
    : parts_(parts),
      names_(phases.begin(), phases.end()),
      exchange_(static_cast<std::size_t>(std::find(names_.begin(), names_.end(), exchange) -
                                         names_.begin())),
      recorder_(parts.device, phases) {
    MOE_EXPECT(exchange_ < names_.size(), "the exchange is not one of the phases");
}

PhaseSplit PhaseSplitter::measure(const std::function<void(Trace&)>& step, int count) {
    const auto fields = kFirstPhase + names_.size();
    std::vector<std::vector<double>> phases(names_.size());
    std::vector<double> wait, spread, whole;
    for (int i = 0; i < count; ++i) {
        parts_.timeline.wait_for_common_start();
        const double arrival = parts_.timeline.now();
        recorder_.start(parts_.stream);
        step(recorder_);
        parts_.stream.synchronize();
        const auto times = recorder_.times();
        std::vector<double> mine{arrival + times[exchange_].begin, arrival, parts_.timeline.now()};
        for (const auto& time : times) mine.push_back(time.duration);

        const auto all = parts_.control.gather(mine);
        if (all.empty()) continue;
        const auto ranks = all.size() / fields;
        std::size_t critical = 0;
        double first = all[kExchangeArrival];
        double total_wait = 0;
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
        for (std::size_t rank = 0; rank < ranks; ++rank) {
            total_wait += slowest[kExchangeArrival] - all[rank * fields + kExchangeArrival];
        }
        for (std::size_t p = 0; p < names_.size(); ++p) {
            phases[p].push_back(slowest[kFirstPhase + p]);
        }
        wait.push_back(total_wait / static_cast<double>(ranks));
        spread.push_back(slowest[kExchangeArrival] - first);
        whole.push_back(exit - start);
    }
    if (wait.empty()) return {};
    PhaseSplit split{{}, median(wait), median(spread), median(whole)};
    for (const auto& phase : phases) split.phases.push_back(median(phase));
    return split;
}

}  // namespace moe
