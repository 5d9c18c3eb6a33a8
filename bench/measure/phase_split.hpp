#pragma once

#include "bench/measure/phase_recorder.hpp"
#include "bench/measure/region_timer.hpp"
#include "bench/measure/skew.hpp"
#include "bench/measure/timeline.hpp"

#include <functional>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace moe {

/// One marked step on one rank: when it came and left, in seconds on the common time line, and its
/// phases, which begin so long after it came.
struct RankStep {
    double arrival{};
    double exit{};
    std::vector<PhaseRecorder::Times> phases;
};

/// Where the time of one step goes, from runs with marks around each phase. Seconds; on rank 0
/// only.
struct PhaseSplit {
    /// Median over the steps of each phase on the critical rank: the one that reached `exchange`
    /// last and so did not wait.
    std::vector<double> phases;
    double wait{};            ///< median of the ranks' mean wait for the last one before `exchange`
    double arrival_spread{};  ///< median of last minus first arrival at `exchange`
    double step{};            ///< median of the whole step, marks included
    std::vector<RankStep> fastest;  ///< the step that took least, of every rank
};

class PhaseSplitter {
public:
    struct Parts {
        Bootstrap& bootstrap;
        Timeline& timeline;
        Device& device;
        Stream& stream;
    };
    /// `exchange` is the phase before which ranks are waited for. `skew`: how late they come to the
    /// steps.
    PhaseSplitter(const Parts& parts, std::span<const std::string_view> phases,
                  std::string_view exchange, const Skew& skew = {});

    /// Collective. Runs every step `count` times, one after the other in each round; a split each.
    /// `prepare` runs untimed before each. A step that never ran before is not for here
    /// (RegionTimer).
    [[nodiscard]] std::vector<PhaseSplit> measure(
        std::span<const std::function<void(Trace&)>> steps, int count,
        const std::function<void()>& prepare);

private:
    /// Samples of one step so far; seconds, on rank 0 only.
    struct StepSamples {
        std::vector<std::vector<double>> phases;
        std::vector<double> wait, spread, step;
        double least{std::numeric_limits<double>::infinity()};  ///< of `step`
        std::vector<RankStep> fastest;
    };
    /// This rank's numbers of one step, in the order that ranks_of() reads them.
    [[nodiscard]] std::vector<double> run(const std::function<void(Trace&)>& step, double delay);
    /// Every rank's step, from the numbers of all.
    [[nodiscard]] std::vector<RankStep> ranks_of(const std::vector<double>& all) const;
    void keep(std::vector<RankStep> ranks, StepSamples& samples) const;

    Parts parts_;
    std::vector<std::string_view> names_;
    std::size_t exchange_;
    Skew skew_;
    PhaseRecorder recorder_;
    RegionTimer timer_;
};

}  // namespace moe
