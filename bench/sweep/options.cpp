#include "bench/sweep/options.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moe {

bool Options::asks_for_table() const {
    return std::ranges::any_of(combines, &CombineEntry::by_table);
}

double Options::slowdown_pct(const CombineEntry& entry) const {
    const auto slowdown = std::ranges::find(slowdowns, &entry, &InjectedSlowdown::entry);
    return slowdown == slowdowns.end() ? 0 : slowdown->pct;
}

Options with_effort(Options options, double effort) {
    constexpr int kLeastSamples = 6;  // with fewer not even the extremes are a 95 % interval
    const auto share = static_cast<int>(std::lround(options.min_samples * effort));
    options.min_samples = std::min(options.min_samples, std::max(share, kLeastSamples));
    options.budget_seconds *= effort;
    return options;
}

namespace {

void check_phases(const Options& options) {
    if (options.collectivex_tokens &&
        std::ranges::find(options.phases, StepPhase::mixed) != options.phases.end()) {
        throw BadArgument("--tokens collectivex: it has ladders for --phase prefill and decode");
    }
    const bool phase_counts = !options.steps.empty() || !options.traffic.empty() ||
                              options.collectivex_tokens || options.graph_sizes.given() ||
                              std::ranges::any_of(options.paddings, asks_for_phase);
    if (options.phases_given && !phase_counts) {
        throw BadArgument(
            fmt::format("--phase '{}': only --padding sglang, --graph-sizes, --tokens collectivex "
                        "and steps ask for the phase",
                        options.settings.at("--phase")));
    }
}

void check_trace(const Options& options) {
    if (options.trace.empty()) return;
    const auto refuse = [&](std::string_view why) {
        throw BadArgument(fmt::format("--trace '{}': {}", options.trace, why));
    };
    if (options.scope == Scope::output) {
        refuse("it shows the phases of a layer; --scope output times none");
    }
    if (std::ranges::find(options.graphs, false) == options.graphs.end()) {
        refuse("phases inside a graph are not marked; --graph off or both has steps without one");
    }
}

}  // namespace

void check_options(const Options& options) {
    check_phases(options);
    check_trace(options);
    if (options.layers > 1 && options.scope == Scope::output) {
        throw BadArgument(
            fmt::format("--layers {}: --scope output times no layers, only the output step of one",
                        options.layers));
    }
    const bool cold = std::ranges::find(options.caches, Cache::cold) != options.caches.end();
    if (cold && options.mode == Mode::pipelined) {
        throw BadArgument(
            "--cache cold --pipelined: nothing can empty the caches between runs back to back");
    }
    for (const auto& padding : options.paddings) {
        const auto* engine = engine_of(padding);
        if (!options.graph_sizes.of_engine || (engine != nullptr && engine->graphs)) continue;
        throw BadArgument(fmt::format(
            "--graph-sizes engine: whose? --padding {} is no engine's rule", to_string(padding)));
    }
    if (!options.auto_table.empty() && !options.asks_for_table()) {
        throw BadArgument(fmt::format(
            "--auto-table '{}': of the strategies only reduce_scatterv_auto reads it, and "
            "--combine does not name that",
            options.auto_table));
    }
    if (options.resume && options.out.empty() && options.csv.empty()) {
        throw BadArgument("--resume: of which results? --out or --csv says where they are");
    }
}

}  // namespace moe
