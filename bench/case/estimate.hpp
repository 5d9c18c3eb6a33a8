#pragma once

#include "bench/case/plan.hpp"
#include "bench/sweep/options.hpp"
#include "bench/sweep/schedule.hpp"
#include "bench/watch/heartbeat.hpp"

#include <string>

namespace moe {

/// How fast one rank does what a sweep spends its time on while all ranks do it, per second.
struct Speed {
    double weights_made{};       ///< weights generated and put into place
    double reference_weights{};  ///< weights that the fp64 reference multiplies with
    double exact_elements{};     ///< elements of the verifier's exact data made
    double weight_bytes{};       ///< read by expert GEMMs of one row each
    double flops{};              ///< by expert GEMMs of many rows
};
/// Collective. Times each on a small layer; a second at most. The slowest rank's count.
[[nodiscard]] Speed measure_speed(Backend& backend, Bootstrap& bootstrap);

/// Seconds that a case will take unless its speed-ups are known before the budget is spent, to
/// perhaps a factor of two: the exchange itself, small beside the rest, is taken as a few passes
/// over memory. `makes_weights`: the case before it had others.
[[nodiscard]] double estimate_seconds(const Case& params, const CaseLayout& layout,
                                      const CaseNeeds& needs, const Options& options,
                                      const Speed& speed, bool makes_weights);

/// What is known of a case before it runs.
struct CaseEstimate {
    std::string obstacle;
    double bytes{};  ///< of the rank that needs most
    CaseSeconds seconds;
};

/// Looks at the cases of a sweep in their order, for --dry-run and for the sweep itself.
class Forecaster {
public:
    /// Collective. Measures this machine's speed.
    Forecaster(const CasePlanner::Parts& parts, CasePlanner& planner, Heartbeat& heartbeat);

    /// Collective.
    [[nodiscard]] CaseEstimate estimate(const Case& params);

private:
    CasePlanner::Parts parts_;
    CasePlanner& planner_;
    Options least_;  ///< with the fewest samples
    Speed speed_;
    std::string weights_key_;  ///< of the case before
};

}  // namespace moe
