#pragma once

#include "bench/measure/timeline.hpp"
#include "kernels/runtime/device.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace moe {

/// One way to do the same work. `prime` runs untimed right before each sample, so that no rival
/// profits or suffers from what the one before it left in the caches.
struct Rival {
    std::function<void()> prime;
    std::function<void()> run;
};

/// When a series has enough samples. Decided by rank 0 for all.
struct StopRule {
    int min_samples{20};
    double budget_seconds{2};
    double ci{0.02};  ///< half width of the interval of each paired speed-up, relative
};

/// Samples of all rivals, round by round; on rank 0 only.
struct Series {
    /// [rival][round] seconds: latest exit minus latest arrival over the ranks.
    std::vector<std::vector<double>> seconds;
    /// [rival][round] seconds between the first and the last rank's arrival at the region.
    std::vector<std::vector<double>> arrival_spread;
    /// "ci": all speed-ups are known well enough; "budget": the time is spent; "min_samples": the
    /// time was spent before there were enough samples.
    std::string_view stop_reason;
};

/// Measures rivals against each other: each round takes one sample of each, in a balanced order.
class Sampler {
public:
    struct Parts {
        Control& control;
        Timeline& timeline;
        Stream& stream;
    };
    explicit Sampler(const Parts& parts) : parts_(parts) {}

    /// Collective. rivals[0] is what the others' speed-ups are relative to. `beat` is called
    /// between rounds on every rank with the share of the budget that is spent.
    [[nodiscard]] Series measure(std::span<const Rival> rivals, const StopRule& rule,
                                 std::uint64_t seed, const std::function<void(double)>& beat);

private:
    struct Stamp {
        double arrival;
        double exit;
    };
    [[nodiscard]] Stamp sample(const Rival& rival);

    Parts parts_;
};

}  // namespace moe
