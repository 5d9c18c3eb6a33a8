#include "bench/steps/step_totals.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moe {
namespace {

constexpr double kMicro = 1e-6;

}  // namespace

void StepTotals::add(const Case& params, std::span<const ResultRow> rows) {
    if (params.steps == 0) return;
    auto& setting = settings_[setting_label(params)];
    if (const auto reason = no_verdict(rows); !setting.no_verdict) setting.no_verdict = reason;
    const auto weight = static_cast<double>(params.steps);
    for (const auto& row : rows) {
        auto strategy = std::ranges::find(setting.strategies, row.combine, &Strategy::combine);
        if (strategy == setting.strategies.end()) {
            strategy = setting.strategies.insert(strategy, Strategy{.combine = row.combine});
        }
        if (row.output) {
            strategy->steps += params.steps;
            strategy->output += weight * row.output->us.median * kMicro;
        }
        if (row.layer) {
            strategy->layer_steps += params.steps;
            strategy->layer += weight * row.layer->us.median * kMicro;
        }
    }
}

std::string StepTotals::table(const StepSetting& setting, const Setting& measured) {
    const auto steps = setting.grouping.steps;
    auto text = fmt::format("  {}: {} steps", setting.label, steps);
    if (measured.no_verdict)
        text += fmt::format(", no verdict: {}", to_string(*measured.no_verdict));
    text += "\n";
    const auto& baseline = measured.strategies.front();
    for (const auto& strategy : measured.strategies) {
        text += fmt::format("    {:<27} ", strategy.combine);
        if (strategy.steps < steps) {
            text += fmt::format("no time of {} steps in this run\n", steps - strategy.steps);
            continue;
        }
        text += fmt::format("output {:.4g} s", strategy.output);
        if (&strategy != &baseline && baseline.steps == steps) {
            text += fmt::format(" ({:.3f} times the speed)", baseline.output / strategy.output);
        }
        if (strategy.layer_steps == steps) text += fmt::format(", layer {:.4g} s", strategy.layer);
        text += "\n";
    }
    return text;
}

std::string StepTotals::text(const StepSweep& sweep) const {
    std::string tables;
    for (const auto& setting : sweep.settings) {
        const auto measured = settings_.find(setting.label);
        if (measured != settings_.end()) tables += table(setting, measured->second);
    }
    if (tables.empty()) return {};
    return fmt::format("All steps of {}, one after the other:\n", sweep.source) + tables;
}

}  // namespace moe
