#include "bench/steps/step_cases.hpp"

#include "bench/sweep/case_texts.hpp"
#include "bench/sweep/cases.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

namespace moe {
namespace {

/// Refuses what cannot be the deployment of the steps.
void check_topology(const Options& options, const StepFile& file, int ranks) {
    if (file.tp && *file.tp != ranks) {
        throw BadArgument(fmt::format("--steps: {} is of tp {}; here are {} ranks", file.source,
                                      *file.tp, ranks));
    }
    const auto is_other = [&](auto dp) { return dp != file.dp_ranks(); };
    if (options.all_dp || std::ranges::any_of(options.dp, is_other)) {
        throw BadArgument(fmt::format("--dp '{}': the steps of {} are of {} DP ranks",
                                      options.settings.at("--dp"), file.source, file.dp_ranks()));
    }
}

/// The options with one step in place of what the file has, so that each case is a setting.
Options one_step_each(Options options, const StepSweep& sweep) {
    options.dp = {sweep.dp};
    if (options.ep.empty() && !options.all_ep && sweep.ep) options.ep = {*sweep.ep};
    options.loads = {Load("balanced")};
    options.tokens = {0};
    options.phases = {StepPhase::prefill};
    return options;
}

/// What decides how the steps of a setting are grouped.
using GroupingKey = std::tuple<PaddingRule, bool, std::int64_t, std::int64_t>;

std::int64_t row_bytes(const Case& params) {
    return params.shape.hidden * static_cast<std::int64_t>(size_of(params.dtype));
}

StepSetting make_setting(const StepFile& file, const Case& params, int ranks,
                         const Options& options) {
    const auto phases = options.phases_given ? options.phases : std::vector<StepPhase>();
    auto [buckets, not_this_question] = bucket_steps(file, params, ranks, phases);
    auto grouping = group_buckets(std::move(buckets), options.step_cases);
    return {{}, std::move(grouping), std::move(not_this_question), row_bytes(params)};
}

void add_cases(const Case& setting, const Grouping& grouping, std::vector<Case>& cases) {
    for (const auto& step : grouping.representatives) {
        auto& params = cases.emplace_back(setting);
        params.phase = step.phase;
        params.load = Load(fmt::format("counts:{}", fmt::join(step.tokens, ";")));
        params.tokens = std::accumulate(step.tokens.begin(), step.tokens.end(), std::int64_t{0});
        params.steps = step.steps;
    }
}

std::string reasons(const std::map<std::string, std::int64_t>& counts) {
    std::vector<std::string> parts;
    for (const auto& [reason, steps] : counts)
        parts.push_back(fmt::format("{}: {}", reason, steps));
    return fmt::format("{}", fmt::join(parts, "; "));
}

std::int64_t sum_of(const std::map<std::string, std::int64_t>& counts) {
    std::int64_t sum = 0;
    for (const auto& [reason, steps] : counts) sum += steps;
    return sum;
}

std::string bytes_text(double bytes) {
    constexpr double kKib = 1024, kMib = kKib * kKib;
    return bytes < kMib ? fmt::format("{:.1f} KiB", bytes / kKib)
                        : fmt::format("{:.1f} MiB", bytes / kMib);
}

/// Seconds of the engine's own for all steps; nothing where some do not say.
std::optional<double> engine_seconds(const StepFile& file) {
    double us = 0;
    for (const auto& step : file.steps) {
        if (!step.us) return std::nullopt;
        us += *step.us * static_cast<double>(step.count);
    }
    return us * 1e-6;
}

std::string setting_text(const StepSetting& setting) {
    const auto& grouping = setting.grouping;
    const auto bytes = static_cast<double>(setting.row_bytes);
    const auto left_out = sum_of(setting.not_this_question);
    auto text = fmt::format(
        "{}: {} steps in {} cases, off by {} of rows on average ({:.1f} %), {} at most",
        setting.label, grouping.steps, grouping.representatives.size(),
        bytes_text(grouping.mean_error * bytes), 100 * grouping.mean_error / grouping.mean_rows,
        bytes_text(grouping.largest_error * bytes));
    if (left_out > 0) {
        text += fmt::format("; {} not this question ({})", left_out,
                            reasons(setting.not_this_question));
    }
    return text + "\n";
}

}  // namespace

std::string setting_label(const Case& params) {
    auto setting = params;
    setting.phase.reset();
    return labels_of(setting);
}

StepSweep group_steps(const Options& options, const StepFile& file, int ranks) {
    check_topology(options, file, ranks);
    StepSweep sweep{file.source, file.engines, engine_seconds(file), file.dp_ranks(), file.ep, {},
                    {}};
    std::map<GroupingKey, StepSetting> known;
    for (const auto& params : expand_cases(one_step_each(options, sweep), ranks)) {
        const GroupingKey key(params.padding, params.graph, params.ep, row_bytes(params));
        auto found = known.find(key);
        if (found == known.end()) {
            found = known.emplace(key, make_setting(file, params, ranks, options)).first;
        }
        auto& setting = sweep.settings.emplace_back(found->second);
        setting.label = setting_label(params);
        if (setting.grouping.steps == 0) {
            throw BadArgument(fmt::format("{}: none of {} is this question ({})",
                                          options.traffic.empty() ? "--steps" : "--traffic",
                                          file.source, reasons(setting.not_this_question)));
        }
    }
    return sweep;
}

std::vector<Case> expand_steps(const Options& options, const StepSweep& sweep, int ranks) {
    const auto settings = expand_cases(one_step_each(options, sweep), ranks);
    MOE_EXPECT(settings.size() == sweep.settings.size(), "the steps are grouped for these options");
    std::vector<Case> cases;
    for (std::size_t i = 0; i < settings.size(); ++i) {
        add_cases(settings[i], sweep.settings[i].grouping, cases);
    }
    return cases;
}

std::string steps_text(const StepSweep& sweep) {
    auto text = fmt::format("steps of {}", sweep.source);
    if (!sweep.engines.empty()) text += fmt::format(" ({})", fmt::join(sweep.engines, ", "));
    if (sweep.engine_seconds) {
        text += fmt::format(", {:.4g} s of the engine's time", *sweep.engine_seconds);
    }
    text += "\n";
    for (const auto& setting : sweep.settings) text += "  " + setting_text(setting);
    return text;
}

}  // namespace moe
