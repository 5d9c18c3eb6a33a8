#pragma once

#include "bench/measure/phase_split.hpp"
#include "bench/report/trace_file.hpp"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moe {

/// One marked step of a layer with a strategy, on every rank.
struct TracedStep {
    std::string_view combine;
    std::vector<RankStep> ranks;
};

/// A track for each rank, counted from the first arrival: the phases of the layer. Waiting for the
/// last rank before gather and combine is a slice `wait` of its own.
[[nodiscard]] std::vector<TraceTrack> tracks_of(std::span<const RankStep> ranks);

/// Steps of a sweep in a trace file: those of one case begin at one moment, one strategy below the
/// other, and cases follow each other.
class StepTrace {
public:
    /// As TraceFile.
    explicit StepTrace(std::string path) : file_(std::move(path)) {}
    void begin() { file_.begin(); }
    /// `label` says which case it is.
    void append(std::string_view label, std::span<const TracedStep> steps);

private:
    TraceFile file_;
    double origin_{};  ///< of the next case, in seconds
};

}  // namespace moe
