#include "bench/case/prepared_case.hpp"

#include "bench/case/exchange.hpp"
#include "bench/case/make_on_all.hpp"
#include "bench/measure/cache_flush.hpp"
#include "comm/contract_cost.hpp"

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

LayerPlan layer_plan(const Case& params, const Parallel& parallel, const RowMap& row_map,
                     int rank) {
    const auto own = row_map.owned().rows(rank);
    return {.shape = params.shape,
            .shard = shard_of(params.shape, parallel, rank),
            .rows = row_map.rows(),
            .own_rows = own,
            .group_rows = own * parallel.attn_tp(),
            .wire = params.dtype,
            .epilogue = params.epilogue};
}

PreparedCase::PreparedCase(const Case& params, const CaseLayout& layout,
                           std::span<const CombineEntry* const> combines, const Parts& parts)
    : case_(params),
      row_map_(*layout.row_map),
      parts_(parts),
      combine_setup_(measured_exchange(params, layout, combines, parts)),
      gather_setup_{parts.device,        parts.world,  row_map_.owned(),
                    params.shape.hidden, params.dtype, params.graph},
      layer_(make_on_all(parts.bootstrap,
                         [&] {
                             return MoeLayer(
                                 layer_plan(params, layout.parallel, row_map_, parts.world.rank()),
                                 {parts.device, parts.kernels, parts.weights, row_map_, parts.world,
                                  params.gather->output(gather_setup_),
                                  weighted_reach(combine_setup_, combines)});
                         })),
      gather_(make_on_all(parts.bootstrap, [&] { return params.gather->make(gather_setup_); })),
      inputs_(combine_setup_, layer_.weighted_input()),
      regions_(make_regions()) {
    for (const auto* entry : combines) strategies_.push_back(make_strategy(*entry));
    fill_input(parts.device, layer_.input(),
               Synthetic(params.shape, static_cast<std::uint64_t>(params.seed)), row_map_,
               parts.world.rank());
}

StrategyRun PreparedCase::make_strategy(const CombineEntry& entry) {
    StrategyRun strategy{.entry = &entry,
                         .obstacle = entry.obstacle(combine_setup_),
                         .cost = entry.cost(combine_setup_),
                         .variant = entry.variant(combine_setup_)};
    if (!strategy.obstacle.empty()) return strategy;
    strategy.needs = entry.input(combine_setup_);
    strategy.obstacle = inputs_.no_room(strategy.needs);
    if (!strategy.obstacle.empty()) return strategy;
    strategy.combine = make_on_all(parts_.bootstrap, [&] { return entry.make(combine_setup_); });
    strategy.output = {strategy.combine.get(),
                       make_on_all(parts_.bootstrap, [&] { return inputs_.of(strategy.needs); })};
    return strategy;
}

std::vector<Region> PreparedCase::make_regions() {
    auto& stream = parts_.stream;
    const auto nothing = [](StrategyRun&) {};
    const auto output = [&](StrategyRun& strategy) {
        Trace silent;
        return layer_.output(strategy.output, stream, silent);
    };
    const auto combine = [&](StrategyRun& strategy) {
        Trace silent;
        return layer_.combine_only(strategy.output, stream, silent);
    };
    const auto layer = [&](StrategyRun& strategy) {
        Trace silent;
        return layer_.forward(*gather_, strategy.output, stream, silent);
    };
    // The exchange starts from partial sums that were just written by the ranks that sum them: what
    // an earlier exchange left in other ranks' caches would make reading peers look cheap.
    const auto local_combine = [&](StrategyRun& strategy) {
        Trace silent;
        layer_.local_combine(strategy.output.input, stream, silent);
    };
    const auto of_all = [](const InputNeeds&) { return true; };
    const auto of_partial_sums = [](const InputNeeds& needs) { return !needs.weighted(); };
    std::vector<Region> regions{
        {RegionId::output, "output step", output, nothing, output, of_all},
        {RegionId::combine, "combine", output, local_combine, combine, of_partial_sums}};
    if (case_.scope == Scope::layer) {
        // A whole layer reads more than any cache holds before it comes to the combine, so that
        // warming up the combine's own path is enough.
        regions.push_back({RegionId::layer, "layer", combine, nothing, layer, of_all});
    }
    return regions;
}

std::size_t PreparedCase::bytes(const LayerPlan& plan, const LayerKernelsFactory& kernels,
                                const CombineSetup& setup,
                                std::span<const CombineEntry* const> combines) {
    std::size_t total = MoeLayer::bytes(plan, kernels) + CombineInputs::bytes(setup, combines);
    std::size_t largest = 0;
    std::int64_t sent = 0;
    for (const auto* entry : combines) {
        const auto cost = entry->cost(setup);
        total += cost.workspace_bytes;
        largest = std::max(largest, cost.workspace_bytes);
        sent = std::max(sent, cost.link_bytes);
    }
    total += Calibration::bytes(setup.device, setup.world, sent, plan.rows * setup.row_bytes());
    // The verifier makes one of them a second time, and a library may copy what it reduces in it.
    total += 2 * largest;
    // Collectives of MPI and NCCL keep up to a copy of what they reduce; the verifier holds given
    // and wanted data of two runs, what came, a copy while it compares, and the input of a strategy
    // that it makes a second time.
    constexpr std::int64_t kCopies = 1 + 7;
    return total + static_cast<std::size_t>(kCopies * plan.rows * setup.row_bytes());
}

CaseVerifier PreparedCase::verifier() {
    return CaseVerifier({parts_.device, parts_.stream, parts_.bootstrap, layer_, *gather_, row_map_,
                         combine_setup_, parts_.references, static_cast<std::uint64_t>(case_.seed),
                         [this] { parts_.heartbeat.advance(); }});
}

void PreparedCase::capture(const Options& options) {
    if (!case_.graph) return;
    const auto too_many = RegionChain::obstacle(layer_.copies());
    for (auto& strategy : strategies_) {
        if (!strategy.obstacle.empty()) continue;
        strategy.obstacle = too_many;
        if (!strategy.obstacle.empty()) continue;
        parts_.heartbeat.set_phase(fmt::format("capturing {}", strategy.entry->name));
        std::string why;
        try {
            capture(strategy, options);
        } catch (const LibraryError&) {
            throw;  // perhaps a peer is gone
        } catch (const Error& error) {
            why = fmt::format("cannot be captured: {}", error.what());
        }
        strategy.obstacle = parts_.bootstrap.first_nonempty(why);
        if (!strategy.obstacle.empty()) strategy.chains = {};
    }
}

void PreparedCase::capture(StrategyRun& strategy, const Options& options) {
    Trace silent;
    static_cast<void>(layer_.forward(*gather_, strategy.output, parts_.stream, silent));
    flush_if_cold();
    parts_.stream.synchronize();
    for (const auto& region : regions_) {
        if (!region.applies(strategy.needs)) continue;
        const bool layer = region.id == RegionId::layer;
        strategy.chains[static_cast<std::size_t>(region.id)] = std::make_unique<RegionChain>(
            RegionChain::Parts{parts_.device, parts_.world, parts_.stream,
                               RegionChain::length_for(layer ? layer_.copies() : 1),
                               options.mode == Mode::isolated},
            [&] { prepare(region, strategy); }, [&] { return region.run(strategy); });
    }
}

void PreparedCase::prepare(const Region& region, StrategyRun& strategy) {
    region.prepare(strategy);
    flush_if_cold();
}

void PreparedCase::flush_if_cold() {
    if (case_.cache != Cache::cold) return;
    if (!cache_flush_) cache_flush_.emplace(parts_.device, parts_.stream);
    cache_flush_->flush(parts_.stream);
}

std::string PreparedCase::check_output(CaseVerifier& verifier, StrategyRun& strategy) {
    if (!case_.graph) return verifier.check_output(strategy.output);
    for (const auto id : {RegionId::output, RegionId::combine}) {
        auto* chain = strategy.chain(id);
        if (chain == nullptr) continue;
        const auto run = [&] {
            chain->launch();
            return chain->result();
        };
        auto wrong = verifier.check_output(strategy.output.input, run, id == RegionId::output);
        if (!wrong.empty()) return wrong;
    }
    return {};
}

void PreparedCase::verify_again() {
    auto verifier = this->verifier();
    for (auto& strategy : strategies_) {
        if (!strategy.to_be_timed()) continue;
        parts_.heartbeat.set_phase(fmt::format("checking {} once more", strategy.entry->name));
        strategy.wrong = check_output(verifier, strategy);
        if (!strategy.wrong.empty()) strategy.wrong = "after it was timed: " + strategy.wrong;
        strategy.verified = strategy.wrong.empty();
    }
}

void PreparedCase::verify(bool whole_layer) {
    auto verifier = this->verifier();
    parts_.heartbeat.set_phase(fmt::format("checking {}", case_.gather->name));
    const auto wrong_gather = verifier.check_gather();
    for (auto& strategy : strategies_) {
        if (!strategy.obstacle.empty()) continue;
        parts_.heartbeat.set_phase(fmt::format("checking {}", strategy.entry->name));
        strategy.wrong =
            wrong_gather.empty() ? check_output(verifier, strategy) : "the gather: " + wrong_gather;
        if (strategy.wrong.empty() && whole_layer) {
            parts_.heartbeat.set_phase(
                fmt::format("checking the layer with {}", strategy.entry->name));
            const auto verdict =
                verifier.check_layer(strategy.output.input, [&](std::size_t layer) {
                    // A chain of steps ends with its last layer.
                    auto* chain = strategy.chain(RegionId::layer);
                    if (chain != nullptr && layer + 1 == layer_.layers()) {
                        chain->launch();
                        return chain->result();
                    }
                    Trace silent;
                    return layer_.forward_layer(layer, *gather_, strategy.output, parts_.stream,
                                                silent);
                });
            strategy.rms_error = verdict.rms_error;
            strategy.wrong = verdict.wrong.empty() ? "" : "the layer: " + verdict.wrong;
            const auto numerics = verifier.check_numerics(*strategy.entry, strategy.output);
            strategy.repeatable = verdict.repeatable && numerics.repeatable;
            strategy.owner_independent = numerics.owner_independent;
        }
        strategy.verified = strategy.wrong.empty();
    }
}

void PreparedCase::count_sent_bytes() {
    parts_.stream.synchronize();
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
    for (const auto& region : regions_) {
        auto of_region = sample(region, sampler, options, on_progress);
        if (of_region.strategies.empty()) continue;
        samples.regions[static_cast<std::size_t>(region.id)] = std::move(of_region);
    }
    const auto& layer = samples.of(RegionId::layer);
    if (layer && !case_.graph) {
        on_progress("phases of the layer", 0);
        samples.phases = split_phases(layer->strategies, options);
    }
    on_progress("limits", 0);
    find_limits(samples);
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
    const auto regions = static_cast<double>(regions_.size());
    const StopRule rule{options.min_samples, options.budget_seconds / regions,
                        options.ci_pct / 100};
    constexpr std::int64_t kRegionsAtMost = 4;
    const auto seed = static_cast<std::uint64_t>(case_.seed + static_cast<int>(region.id) +
                                                 kRegionsAtMost * (options.launch - 1));
    samples.series = sampler.measure(candidates, rule, seed,
                                     [&](double spent) { on_progress(region.name, spent); });
    return samples;
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

void PreparedCase::find_limits(CaseSamples& samples) {
    parts_.heartbeat.set_phase("calibrating");
    const auto row_bytes = combine_setup_.row_bytes();
    const auto matrix_bytes = row_map_.rows() * row_bytes;
    if (matrix_bytes == 0) return;
    parts_.calibration.begin_case(case_.graph);
    const auto limit = [&](const Cost& cost) {
        return parts_.calibration.limit(cost, matrix_bytes, case_.dtype);
    };
    samples.contract_limit = limit(contract_cost(row_map_.owned(), parts_.group.size(), row_bytes));
    for (const auto* strategy : samples.of(RegionId::output)->strategies) {
        // Strategies move no less than the contract asks for, whatever noise two limits have; but
        // those of weighted rows leave out rows of none.
        const auto& needs = strategy->needs;
        const auto least = needs.weighted() ? 0.0 : *samples.contract_limit;
        auto cost = strategy->cost;
        // Expert rows of one memory are read where they lie.
        if (parts_.one_memory && needs.weighted() && needs.reach) cost.link_bytes = 0;
        samples.limits.push_back(std::max(limit(cost), least));
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
