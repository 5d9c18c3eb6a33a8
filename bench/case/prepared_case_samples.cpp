// What is sampled of a prepared case.
#include "bench/case/prepared_case.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moe {
namespace {

/// Instrumented steps for each strategy: enough for a median, few beside the samples proper.
int instrumented_steps(int min_samples) {
    return std::max(3, min_samples / 4);
}

/// Kernels and library calls of one layer but for the exchange.
constexpr std::int64_t kLayerLaunches = 24;

double skew_seconds(const Case& params) {
    return static_cast<double>(params.skew_us) * 1e-6;
}

}  // namespace

void PreparedCase::count_sent_bytes() {
    for (auto& strategy : strategies_) {
        if (!strategy.to_be_timed()) continue;
        const auto sent = strategy.combine->sent_bytes(strategy.output.input);
        if (!sent) continue;
        const auto most = parts_.bootstrap.max(static_cast<double>(*sent));
        strategy.cost.link_bytes = static_cast<std::int64_t>(most);
    }
}

CaseSamples PreparedCase::measure(const Options& options, const OnProgress& on_progress) {
    CaseSamples samples;
    if (std::ranges::none_of(strategies_, &StrategyRun::to_be_timed)) return samples;
    auto& stream = parts_.stream;
    RegionTimer timer(parts_.device, parts_.timeline, stream);
    Sampler sampler({parts_.bootstrap, parts_.timeline, stream, &timer}, options.mode,
                    skew_seconds(case_));
    // The expert rows that every output step starts from.
    Trace silent;
    layer_.run_experts(0, *gather_, stream, silent);
    count_sent_bytes();
    const auto bytes = count_step_bytes(parts_.bootstrap, combine_setup_, layer_.weighted_input());
    for (const auto& region : regions_) {
        auto of_region = sample(region, sampler, options, on_progress);
        if (of_region.strategies.empty()) continue;
        samples.regions[static_cast<std::size_t>(region.id)] = std::move(of_region);
    }
    if (beside_) {
        layer_.run_experts(0, *gather_, stream, silent);
        samples.beside = sample_beside(sampler, timer, options, on_progress);
    }
    const auto& layer = samples.of(RegionId::layer);
    if (layer && !case_.graph) {
        on_progress("phases of the layer", 0);
        samples.phases = split_phases(layer->strategies, options);
    }
    on_progress("limits", 0);
    find_limits(bytes, samples);
    return samples;
}

RegionSamples PreparedCase::sample(const Region& region, Sampler& sampler, const Options& options,
                                   const OnProgress& on_progress) {
    const ProfilerRange range(parts_.device, std::string(region.name));
    RegionSamples samples;
    std::vector<Candidate> candidates;
    for (auto& strategy : strategies_) {
        if (!strategy.to_be_timed() || !region.applies(strategy.needs)) continue;
        samples.strategies.push_back(&strategy);
        candidates.push_back(candidate_of(region, strategy, options));
    }
    if (candidates.empty()) return samples;
    samples.has_baseline = samples.strategies.front() == &strategies_.front();
    samples.series = sampler.measure(candidates, stop_rule(options),
                                     seed_of(static_cast<std::size_t>(region.id), options),
                                     [&](double spent) { on_progress(region.name, spent); });
    return samples;
}

BesideSamples PreparedCase::sample_beside(Sampler& sampler, RegionTimer& timer,
                                          const Options& options, const OnProgress& on_progress) {
    BesideSamples samples;
    std::vector<StrategyRun*> strategies;
    for (auto& strategy : strategies_) {
        if (strategy.to_be_timed()) strategies.push_back(&strategy);
    }
    samples.strategies.assign(strategies.begin(), strategies.end());
    samples.shares_core = parts_.bootstrap.max(beside_->shares_core() ? 1 : 0) > 0;
    const auto candidates = beside_->candidates(
        strategies, {timer, [this](const auto& phase) { parts_.heartbeat.set_phase(phase); },
                     [&](const auto& run) { return options.slowdown_pct(*run.entry) / 100; }});
    samples.series =
        sampler.measure(candidates, stop_rule(options), seed_of(kRegions, options),
                        [&](double spent) { on_progress("output step beside the GEMM", spent); });
    return samples;
}

StopRule PreparedCase::stop_rule(const Options& options) const {
    const auto series = static_cast<double>(regions_.size() + (beside_ ? 1 : 0));
    return {options.min_samples, options.budget_seconds / series, options.ci_pct / 100};
}

std::uint64_t PreparedCase::seed_of(std::size_t series, const Options& options) const {
    constexpr std::size_t kSeriesAtMost = kRegions + 1;
    return static_cast<std::uint64_t>(case_.seed) + series +
           kSeriesAtMost * static_cast<std::uint64_t>(options.launch - 1);
}

Candidate PreparedCase::candidate_of(const Region& region, StrategyRun& strategy,
                                     const Options& options) {
    const auto doing = fmt::format("measuring the {} of {}", region.name, strategy.entry->name);
    auto* chain = strategy.chain(region.id);
    const bool eager = chain == nullptr;
    Candidate timed;
    timed.name = fmt::format("{}: {}", region.name, strategy.entry->name);
    timed.slowdown = options.slowdown_pct(*strategy.entry) / 100;
    timed.warm_up = [this, doing, &region, &strategy, eager] {
        parts_.heartbeat.set_phase(doing);
        region.warm_up(strategy);  // what settles buffers and connections
        if (eager) prepare(region, strategy);
    };
    if (eager) {
        timed.run = [&region, &strategy] { static_cast<void>(region.run(strategy)); };
        timed.launches = static_cast<int>(case_.layers * (kLayerLaunches + strategy.cost.launches));
        return timed;
    }
    timed.run = [chain] { chain->launch(); };
    timed.launches = 1;
    timed.regions = chain->length();
    if (options.mode == Mode::isolated) timed.region_seconds = [chain] { return chain->seconds(); };
    return timed;
}

void PreparedCase::find_limits(const StepBytes& bytes, CaseSamples& samples) {
    if (row_map_.rows() == 0) return;
    parts_.heartbeat.set_phase("calibrating");
    parts_.calibration.begin_case(case_.graph);
    CaseLimits limits({parts_.calibration, combine_setup_, bytes, parts_.one_memory,
                       case_.epilogue != Epilogue::none});
    samples.contract_limit = limits.contract();
    for (const auto* strategy : samples.of(RegionId::output)->strategies) {
        const auto exchange = limits.exchange(*strategy);
        samples.limits.push_back({exchange, limits.output(*strategy)});
    }
}

std::optional<std::size_t> RegionSamples::find(const StrategyRun& strategy) const {
    const auto at = std::ranges::find(strategies, &strategy);
    if (at == strategies.end()) return std::nullopt;
    return static_cast<std::size_t>(at - strategies.begin());
}

std::vector<PhaseSplit> PreparedCase::split_phases(std::span<const StrategyRun* const> timed,
                                                   const Options& options) {
    PhaseSplitter splitter(
        {parts_.bootstrap, parts_.timeline, parts_.device, parts_.stream}, phase::kAll,
        phase::kCombine,
        Skew(skew_seconds(case_), parts_.bootstrap.size(), static_cast<std::uint64_t>(case_.seed)));
    std::vector<std::function<void(Trace&)>> steps;
    for (const auto* strategy : timed) {
        // One layer of the step, another one each time: its weights are as cold as in the step.
        steps.emplace_back([this, strategy, layer = std::size_t{0}](Trace& trace) mutable {
            parts_.heartbeat.set_phase(
                fmt::format("timing the phases of a layer with {}", strategy->entry->name));
            static_cast<void>(
                layer_.forward_layer(layer, *gather_, strategy->output, parts_.stream, trace));
            layer = (layer + 1) % layer_.layers();
        });
    }
    return splitter.measure(steps, instrumented_steps(options.min_samples),
                            [&] { flush_if_cold(); });
}

}  // namespace moe
