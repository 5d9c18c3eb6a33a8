#include "bench/dry_run.hpp"

#include "bench/cases.hpp"
#include "bench/forecast.hpp"
#include "bench/report/progress.hpp"
#include "bench/report/screen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace moe {
namespace {

/// What is known of a case before it runs.
struct Outlook {
    std::string obstacle;
    double bytes{};  ///< of the rank that needs most
    double seconds{};
};

class Forecaster {
public:
    explicit Forecaster(const CasePlanner::Parts& parts)
        : parts_(parts), planner_(parts), speed_(measure_speed(parts.backend, parts.control)) {}

    Outlook look_at(const Case& one) {
        const auto layout = lay_out(one, parts_.backend.world->size());
        Outlook outlook{layout.obstacle};
        if (outlook.obstacle.empty()) outlook.obstacle = planner_.backend_obstacle(one, layout);
        if (!outlook.obstacle.empty()) return outlook;
        const auto needs = planner_.needs(one, layout);
        const auto bytes = needs.weight_bytes + needs.activation_bytes;
        outlook.obstacle = planner_.memory_obstacle(bytes);
        outlook.bytes = parts_.control.max(static_cast<double>(bytes));
        if (!outlook.obstacle.empty()) return outlook;
        outlook.seconds = parts_.control.max(expected_seconds(
            one, layout, needs, parts_.options, speed_, needs.weights_key != weights_key_));
        weights_key_ = needs.weights_key;
        return outlook;
    }

private:
    CasePlanner::Parts parts_;
    CasePlanner planner_;
    Speed speed_;
    std::string weights_key_;  ///< of the case before
};

}  // namespace

void dry_run(const CasePlanner::Parts& parts, std::span<const Case> cases, ProgressBoard& board) {
    board.enter("measuring this machine's speed");
    Forecaster forecaster(parts);
    const bool prints = parts.control.rank() == 0;
    double seconds = 0;
    double bytes = 0;
    std::size_t runnable = 0;
    for (std::size_t i = 0; i < cases.size(); ++i) {
        board.begin_case(label_of(cases[i]));
        const auto outlook = forecaster.look_at(cases[i]);
        if (prints) {
            show(fmt::format("[{}/{}] {}\n    {}\n", i + 1, cases.size(), label_of(cases[i]),
                             outlook.obstacle.empty() ? fmt::format("{} for each rank, about {}",
                                                                    gibibytes(outlook.bytes),
                                                                    duration_text(outlook.seconds))
                                                      : "cannot run: " + outlook.obstacle));
        }
        if (!outlook.obstacle.empty()) continue;
        ++runnable;
        seconds += outlook.seconds;
        bytes = std::max(bytes, outlook.bytes);
    }
    if (!prints) return;
    show(fmt::format(
        "{} of {} cases can run, with {} strategies each: at most {} for each rank, about {} "
        "unless the intervals are narrow enough before. Nothing was measured or written.\n",
        runnable, cases.size(), parts.options.combines.size(), gibibytes(bytes),
        duration_text(seconds)));
}

}  // namespace moe
