#pragma once

#include "bench/measure/carry_over.hpp"
#include "bench/measure/region_timer.hpp"
#include "bench/measure/repeats.hpp"
#include "bench/measure/stop_rule.hpp"
#include "bench/measure/timeline.hpp"
#include "kernels/runtime/device.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace moe {

/// One way to do the same work. `warm_up` runs untimed right before each sample, so that what
/// the candidate before left in the caches does not matter. `run` only enqueues.
struct Candidate {
    std::function<void()> warm_up;
    std::function<void()> run;
    /// Injected slowdown: the share of its own time that is added to each of this rank's samples.
    double slowdown{};
    std::string name{};  ///< for profilers
    /// That a run enqueues at most, where a device works while the host goes on.
    int launches{};
    int regions{1};  ///< that a run is a chain of, as many for all candidates of a series
    /// After a run, how long each of its regions took on this rank. Where all candidates can say
    /// it, each region is a sample; else one is of some runs, the mean of their regions.
    std::function<std::vector<double>()> region_seconds{};
    /// Parts of a region that have times of their own, each from the region's begin to its own end.
    int parts{};
    /// After a run, the seconds of each part, region by region, on this rank. A sample is of one
    /// run then.
    std::function<std::vector<double>()> part_seconds{};
};

/// Samples of all candidates, round by round; on rank 0 only, but for the last two.
struct Series {
    /// Latest exit minus latest arrival over the ranks, of one region; for regions that say what
    /// they took, the longest of the ranks.
    Samples seconds;
    /// Between the first and the last rank's arrival at the region.
    Samples arrival_spread;
    std::vector<Samples> parts;  ///< [candidate][part], as `seconds` are
    /// [candidate][round]; empty for the first sample after a checkpoint.
    std::vector<std::vector<Predecessor>> predecessors;
    int repeats{1};    ///< regions inside each sample
    bool by_device{};  ///< whether a device's clock took the times, from a gate on (RegionTimer)
    StopReason stop_reason{};
};

/// Measures candidates against each other: each round takes one sample of each, in a balanced
/// order.
class Sampler {
public:
    struct Parts {
        Bootstrap& bootstrap;
        Timeline& timeline;
        Stream& stream;
        /// Null for regions that the host itself works through, on its own clock.
        RegionTimer* timer{};
    };
    /// With `skew`, in seconds, all ranks but one come late to each sample (Skew): that takes a
    /// timer, and a sample is of one run then, since they would be late for the first one only.
    explicit Sampler(const Parts& parts, Mode mode = Mode::isolated, double skew = 0)
        : parts_(parts), mode_(mode), skew_(skew) {}

    /// Collective. candidates[0] is what the others' speed-ups are relative to. `on_progress` is
    /// called after every sample on every rank, warm-up included, with the share of the budget that
    /// is spent.
    [[nodiscard]] Series measure(std::span<const Candidate> candidates, const StopRule& rule,
                                 std::uint64_t seed,
                                 const std::function<void(double)>& on_progress);

private:
    Parts parts_;
    Mode mode_;
    double skew_;
};

}  // namespace moe
