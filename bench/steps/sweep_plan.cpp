#include "bench/steps/sweep_plan.hpp"

#include "bench/case/on_rank_0.hpp"
#include "bench/report/screen.hpp"
#include "bench/steps/read_steps.hpp"
#include "bench/steps/step_sweep_text.hpp"
#include "bench/steps/traffic.hpp"
#include "bench/sweep/cases.hpp"
#include "bench/sweep/fnv1a.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace moe {
namespace {

StepSweep read_steps(const Options& options, int ranks) {
    const auto bytes = read_step_bytes(options.steps);
    const auto file = parse_steps(bytes, options.steps, [](const std::string& line) {
        show_error(fmt::format("bench_moe_comm: {}\n", line));
    });
    auto sweep = group_steps(options, file, ranks);
    sweep.file_hash = fnv1a(bytes);
    return sweep;
}

StepSweep make_steps(const Options& options, int ranks) {
    const auto traffic = parse_traffic(options.traffic);
    if (options.all_dp || options.dp.size() > 1) {
        throw BadArgument(fmt::format("--dp '{}': --traffic takes one number of DP ranks",
                                      options.settings.at("--dp")));
    }
    const auto dp = options.dp.empty() ? ranks : static_cast<int>(options.dp.front());
    return group_steps(options, synthesize_steps(traffic, dp, options.seed, options.traffic),
                       ranks);
}

/// Collective. Files have millions of steps: more work and memory than every rank should spend.
StepSweep share_steps(const Options& options, int ranks, Bootstrap& bootstrap) {
    std::string text;
    on_rank_0(bootstrap, [&] {
        text = to_text(options.steps.empty() ? make_steps(options, ranks)
                                             : read_steps(options, ranks));
    });
    return parse_step_sweep(bootstrap.broadcast(text));
}

}  // namespace

SweepPlan plan_sweep(const Options& options, int ranks, Bootstrap& bootstrap) {
    SweepPlan plan;
    if (options.steps.empty() && options.traffic.empty()) {
        plan.cases = expand_cases(options, ranks);
    } else {
        plan.steps = share_steps(options, ranks, bootstrap);
        plan.cases = expand_steps(options, *plan.steps, ranks);
    }
    plan.cases = in_launch_order(std::move(plan.cases), options.launch);
    return plan;
}

}  // namespace moe
