#include "bench/dry_run.hpp"

#include "bench/case/estimate.hpp"
#include "bench/report/progress.hpp"
#include "bench/report/screen.hpp"
#include "bench/sweep/case_texts.hpp"
#include "bench/sweep/schedule.hpp"
#include "bench/tune/measure_auto_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace moe {

void dry_run(const CasePlanner::Parts& parts, std::span<const Case> cases, Heartbeat& heartbeat) {
    CasePlanner planner(parts);
    Forecaster forecaster(parts, planner, heartbeat);
    const bool prints = parts.bootstrap.rank() == 0;
    std::vector<CaseSeconds> seconds;
    double bytes = 0;
    std::size_t runnable = 0;
    for (std::size_t i = 0; i < cases.size(); ++i) {
        heartbeat.begin_case(label_of(cases[i]));
        const auto estimate = forecaster.estimate(cases[i]);
        if (prints) {
            show(fmt::format(
                "[{}/{}] {}\n    {}\n", i + 1, cases.size(), label_of(cases[i]),
                estimate.obstacle.empty()
                    ? fmt::format("{} for each rank, about {}", gibibytes(estimate.bytes),
                                  duration_text(estimate.seconds.full))
                    : "cannot run: " + estimate.obstacle));
        }
        seconds.push_back(estimate.seconds);
        if (!estimate.obstacle.empty()) continue;
        ++runnable;
        bytes = std::max(bytes, estimate.bytes);
    }
    if (!prints) return;
    double expected = Schedule(seconds, parts.options.time_seconds, 0).seconds_left(0);
    if (parts.options.asks_for_table() && parts.auto_table == nullptr) {
        expected += table_seconds(cases, parts.backend.world->size());
    }
    const auto& limit = parts.options.time_seconds;
    const auto left_out = limit ? count_left_out(seconds, *limit) : 0;
    show(fmt::format(
        "{} of {} cases can run, with {} strategies each: at most {} for each rank, about {} "
        "unless the intervals are narrow enough before. {}Nothing was measured or written.\n",
        runnable, cases.size(), parts.options.combines.size(), gibibytes(bytes),
        duration_text(expected),
        left_out > 0 ? fmt::format("{} of them will not fit into --time. ", left_out) : ""));
}

}  // namespace moe
