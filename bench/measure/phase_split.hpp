#pragma once

#include "bench/measure/phase_recorder.hpp"
#include "bench/measure/timeline.hpp"

#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace moe {

/// Where the time of one step goes, from runs with marks around each phase. Seconds; on rank 0
/// only.
struct PhaseSplit {
    /// Median over the steps of each phase on the critical rank: the one that reached `exchange`
    /// last, for which nobody waited in vain.
    std::vector<double> phases;
    double wait{};            ///< median of the ranks' mean wait for the last one before `exchange`
    double arrival_spread{};  ///< median of last minus first arrival at `exchange`
    double step{};            ///< median of the whole step, marks included
};

class PhaseSplitter {
public:
    struct Parts {
        Control& control;
        Timeline& timeline;
        Device& device;
        Stream& stream;
    };
    /// `exchange` is the phase before which ranks are waited for.
    PhaseSplitter(const Parts& parts, std::span<const std::string_view> phases,
                  std::string_view exchange);

    /// Collective. Runs `step` `count` times.
    [[nodiscard]] PhaseSplit measure(const std::function<void(Trace&)>& step, int count);

private:
    Parts parts_;
    std::vector<std::string_view> names_;
    std::size_t exchange_;
    PhaseRecorder recorder_;
};

}  // namespace moe
