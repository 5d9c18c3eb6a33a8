#include "bench/steps/sweep_plan.hpp"

#include "bench/case/on_rank_0.hpp"
#include "bench/report/screen.hpp"
#include "bench/steps/read_steps.hpp"
#include "bench/steps/traffic.hpp"
#include "bench/sweep/cases.hpp"

#include <fmt/format.h>

#include <utility>

namespace moe {
namespace {

/// Collective.
StepFile read_steps(const std::string& path, Bootstrap& bootstrap) {
    std::string bytes;
    on_rank_0(bootstrap, [&] { bytes = read_step_bytes(path); });
    return parse_steps(bootstrap.broadcast(bytes), path, [&](const std::string& line) {
        if (bootstrap.rank() == 0) show_error(fmt::format("bench_moe_comm: {}\n", line));
    });
}

StepFile make_steps(const Options& options, int ranks) {
    const auto traffic = parse_traffic(options.traffic);
    if (options.all_dp || options.dp.size() > 1) {
        throw BadArgument(fmt::format("--dp '{}': --traffic takes one number of DP ranks",
                                      options.settings.at("--dp")));
    }
    const auto dp = options.dp.empty() ? ranks : static_cast<int>(options.dp.front());
    return synthesize_steps(traffic, dp, options.seed, options.traffic);
}

}  // namespace

SweepPlan plan_sweep(const Options& options, int ranks, Bootstrap& bootstrap) {
    SweepPlan plan;
    if (!options.steps.empty()) plan.steps = read_steps(options.steps, bootstrap);
    if (!options.traffic.empty()) plan.steps = make_steps(options, ranks);
    if (plan.steps) {
        plan.sweep = expand_steps(options, *plan.steps, ranks);
    } else {
        plan.sweep.cases = expand_cases(options, ranks);
    }
    plan.sweep.cases = in_launch_order(std::move(plan.sweep.cases), options.launch);
    return plan;
}

}  // namespace moe
