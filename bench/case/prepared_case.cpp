#include "bench/case/prepared_case.hpp"

#include "bench/case/make_on_all.hpp"
#include "bench/measure/cold_caches.hpp"
#include "comm/contract_cost.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moe {
namespace {

/// Instrumented steps for each rival: enough for a median, few beside the samples proper.
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
            .wire = params.dtype};
}

PreparedCase::PreparedCase(const Case& params, const CaseLayout& layout,
                           std::span<const CombineEntry* const> combines, const Parts& parts)
    : case_(params),
      row_map_(*layout.row_map),
      parts_(parts),
      combine_setup_{parts.device,     parts.world,         parts.group,
                     row_map_.owned(), params.shape.hidden, params.dtype},
      gather_setup_{parts.device, parts.world, row_map_.owned(), params.shape.hidden, params.dtype},
      layer_(make_on_all(parts.control,
                         [&] {
                             return MoeLayer(
                                 layer_plan(params, layout.parallel, row_map_, parts.world.rank()),
                                 {parts.device, parts.kernels, parts.weights, row_map_, parts.world,
                                  params.gather->output(gather_setup_)});
                         })),
      gather_(make_on_all(parts.control, [&] { return params.gather->make(gather_setup_); })),
      inputs_(combine_setup_, layer_.weighted_input()),
      regions_(make_regions()) {
    for (const auto* entry : combines) rivals_.push_back(make_rival(*entry));
    fill_input(parts.device, layer_.input(),
               Synthetic(params.shape, static_cast<std::uint64_t>(params.seed)), row_map_,
               parts.world.rank());
}

RivalState PreparedCase::make_rival(const CombineEntry& entry) {
    RivalState rival{.entry = &entry,
                     .obstacle = entry.obstacle(combine_setup_),
                     .cost = entry.cost(combine_setup_),
                     .variant = entry.variant(combine_setup_)};
    if (!rival.obstacle.empty()) return rival;
    rival.needs = entry.input(combine_setup_);
    rival.obstacle = inputs_.no_room(rival.needs);
    if (!rival.obstacle.empty()) return rival;
    rival.combine = make_on_all(parts_.control, [&] { return entry.make(combine_setup_); });
    rival.output = {rival.combine.get(),
                    make_on_all(parts_.control, [&] { return inputs_.of(rival.needs); })};
    return rival;
}

std::vector<Region> PreparedCase::make_regions() {
    auto& stream = parts_.stream;
    const auto nothing = [](RivalState&) {};
    const auto output = [&](RivalState& rival) {
        Trace silent;
        return layer_.output(rival.output, stream, silent);
    };
    const auto combine = [&](RivalState& rival) {
        Trace silent;
        return layer_.combine_only(rival.output, stream, silent);
    };
    const auto layer = [&](RivalState& rival) {
        Trace silent;
        return layer_.forward(*gather_, rival.output, stream, silent);
    };
    // The exchange starts from partial sums that were just written by the ranks that sum them: what
    // an earlier exchange left in other ranks' caches would make reading peers look cheap.
    const auto local_combine = [&](RivalState& rival) {
        Trace silent;
        layer_.local_combine(rival.output.input, stream, silent);
    };
    const auto of_all = [](const InputNeeds&) { return true; };
    const auto of_partial_sums = [](const InputNeeds& needs) { return !needs.weighted(); };
    std::vector<Region> regions{
        {RegionKind::output, "output step", output, nothing, output, of_all},
        {RegionKind::combine, "combine", output, local_combine, combine, of_partial_sums}};
    if (case_.scope == Scope::layer) {
        // A whole layer reads more than any cache holds before it comes to the combine, so that
        // warming up the combine's own path is enough.
        regions.push_back({RegionKind::layer, "layer", combine, nothing, layer, of_all});
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
    return CaseVerifier({parts_.device, parts_.stream, parts_.control, layer_, *gather_, row_map_,
                         combine_setup_, parts_.references, static_cast<std::uint64_t>(case_.seed),
                         [this] { parts_.board.advance(); }});
}

void PreparedCase::capture(const Options& options) {
    if (!case_.graph) return;
    const auto too_many = RegionChain::obstacle(layer_.copies());
    for (auto& rival : rivals_) {
        if (!rival.obstacle.empty()) continue;
        rival.obstacle = too_many;
        if (!rival.obstacle.empty()) continue;
        parts_.board.enter(fmt::format("capturing {}", rival.entry->name));
        std::string why;
        try {
            capture(rival, options);
        } catch (const LibraryError&) {
            throw;  // perhaps a peer is gone
        } catch (const Error& error) {
            why = fmt::format("cannot be captured: {}", error.what());
        }
        rival.obstacle = parts_.control.first_text(why);
        if (!rival.obstacle.empty()) rival.chains = {};
    }
}

void PreparedCase::capture(RivalState& rival, const Options& options) {
    Trace silent;
    static_cast<void>(layer_.forward(*gather_, rival.output, parts_.stream, silent));
    cool_if_cold();
    parts_.stream.synchronize();
    for (const auto& region : regions_) {
        if (!region.applies(rival.needs)) continue;
        const bool layer = region.kind == RegionKind::layer;
        rival.chains[static_cast<std::size_t>(region.kind)] = std::make_unique<RegionChain>(
            RegionChain::Parts{parts_.device, parts_.world, parts_.stream,
                               RegionChain::length_for(layer ? layer_.copies() : 1),
                               options.mode == Mode::isolated},
            [&] { prepare(region, rival); }, [&] { return region.run(rival); });
    }
}

void PreparedCase::prepare(const Region& region, RivalState& rival) {
    region.prepare(rival);
    cool_if_cold();
}

void PreparedCase::cool_if_cold() {
    if (case_.cache != Cache::cold) return;
    if (!cold_caches_) cold_caches_.emplace(parts_.device, parts_.stream);
    cold_caches_->fill(parts_.stream);
}

std::string PreparedCase::check_output(CaseVerifier& verifier, RivalState& rival) {
    if (!case_.graph) return verifier.check_output(rival.output);
    for (const auto kind : {RegionKind::output, RegionKind::combine}) {
        auto* chain = rival.chain(kind);
        if (chain == nullptr) continue;
        auto wrong = verifier.check_output(rival.output.input, [&] {
            chain->launch();
            return chain->result();
        });
        if (!wrong.empty()) return wrong;
    }
    return {};
}

void PreparedCase::verify_again() {
    auto verifier = this->verifier();
    for (auto& rival : rivals_) {
        if (!rival.to_be_timed()) continue;
        parts_.board.enter(fmt::format("checking {} once more", rival.entry->name));
        rival.wrong = check_output(verifier, rival);
        if (!rival.wrong.empty()) rival.wrong = "after it was timed: " + rival.wrong;
        rival.verified = rival.wrong.empty();
    }
}

void PreparedCase::verify(bool whole_layer) {
    auto verifier = this->verifier();
    parts_.board.enter(fmt::format("checking {}", case_.gather->name));
    const auto wrong_gather = verifier.check_gather();
    for (auto& rival : rivals_) {
        if (!rival.obstacle.empty()) continue;
        parts_.board.enter(fmt::format("checking {}", rival.entry->name));
        rival.wrong =
            wrong_gather.empty() ? check_output(verifier, rival) : "the gather: " + wrong_gather;
        if (rival.wrong.empty() && whole_layer) {
            parts_.board.enter(fmt::format("checking the layer with {}", rival.entry->name));
            const auto verdict = verifier.check_layer(rival.output.input, [&](std::size_t layer) {
                // A chain of steps ends with its last layer.
                auto* chain = rival.chain(RegionKind::layer);
                if (chain != nullptr && layer + 1 == layer_.layers()) {
                    chain->launch();
                    return chain->result();
                }
                Trace silent;
                return layer_.forward_layer(layer, *gather_, rival.output, parts_.stream, silent);
            });
            rival.rms_error = verdict.rms_error;
            rival.wrong = verdict.wrong.empty() ? "" : "the layer: " + verdict.wrong;
            const auto numerics = verifier.check_numerics(*rival.entry, rival.output);
            rival.repeatable = verdict.repeatable && numerics.repeatable;
            rival.owner_independent = numerics.owner_independent;
        }
        rival.verified = rival.wrong.empty();
    }
}

CaseSamples PreparedCase::measure(const Options& options, const Beat& beat) {
    CaseSamples samples;
    if (std::ranges::none_of(rivals_, &RivalState::to_be_timed)) return samples;
    auto& stream = parts_.stream;
    RegionTimer timer(parts_.device, parts_.timeline, stream);
    Sampler sampler({parts_.control, parts_.timeline, stream, &timer}, options.mode,
                    skew_seconds(case_));
    // The expert rows that every output step starts from.
    Trace silent;
    layer_.run_experts(0, *gather_, stream, silent);
    for (const auto& region : regions_) {
        auto of_region = sample(region, sampler, options, beat);
        if (of_region.rivals.empty()) continue;
        samples.regions[static_cast<std::size_t>(region.kind)] = std::move(of_region);
    }
    const auto& layer = samples.of(RegionKind::layer);
    if (layer && !case_.graph) {
        beat("phases of the layer", 0);
        samples.phases = split_phases(layer->rivals, options);
    }
    beat("limits", 0);
    find_limits(samples);
    return samples;
}

RegionSamples PreparedCase::sample(const Region& region, Sampler& sampler, const Options& options,
                                   const Beat& beat) {
    const ProfilerRange range(parts_.device, std::string(region.name));
    RegionSamples samples;
    std::vector<Rival> rivals;
    for (auto& rival : rivals_) {
        if (!rival.to_be_timed() || !region.applies(rival.needs)) continue;
        samples.rivals.push_back(&rival);
        rivals.push_back(rival_of(region, rival, options));
    }
    if (rivals.empty()) return samples;
    samples.has_baseline = samples.rivals.front() == &rivals_.front();
    const auto kinds = static_cast<double>(regions_.size());
    const StopRule rule{options.min_samples, options.budget_seconds / kinds, options.ci_pct / 100};
    constexpr std::int64_t kKindsAtMost = 4;
    const auto seed = static_cast<std::uint64_t>(case_.seed + static_cast<int>(region.kind) +
                                                 kKindsAtMost * (options.launch - 1));
    samples.series =
        sampler.measure(rivals, rule, seed, [&](double spent) { beat(region.name, spent); });
    return samples;
}

Rival PreparedCase::rival_of(const Region& region, RivalState& rival, const Options& options) {
    const auto doing = fmt::format("measuring the {} of {}", region.name, rival.entry->name);
    auto* chain = rival.chain(region.kind);
    const bool eager = chain == nullptr;
    Rival timed;
    timed.name = fmt::format("{}: {}", region.name, rival.entry->name);
    timed.slowdown = options.planted_pct(*rival.entry) / 100;
    timed.prime = [this, doing, &region, &rival, eager] {
        parts_.board.enter(doing);
        region.warm_up(rival);  // what settles buffers and connections
        if (eager) prepare(region, rival);
    };
    if (eager) {
        timed.run = [&region, &rival] { static_cast<void>(region.run(rival)); };
        timed.launches = static_cast<int>(case_.layers * (kLayerLaunches + rival.cost.launches));
        return timed;
    }
    timed.run = [chain] { chain->launch(); };
    timed.launches = 1;
    timed.regions = chain->length();
    if (options.mode == Mode::isolated) timed.region_seconds = [chain] { return chain->seconds(); };
    return timed;
}

void PreparedCase::find_limits(CaseSamples& samples) {
    parts_.board.enter("calibrating");
    const auto row_bytes = combine_setup_.row_bytes();
    const auto matrix_bytes = row_map_.rows() * row_bytes;
    if (matrix_bytes == 0) return;
    parts_.calibration.begin_case();
    const auto limit = [&](const Cost& cost) {
        return parts_.calibration.limit(cost, matrix_bytes, case_.dtype);
    };
    samples.contract_limit = limit(contract_cost(row_map_.owned(), parts_.group.size(), row_bytes));
    for (const auto* rival : samples.of(RegionKind::output)->rivals) {
        samples.limits.push_back(limit(rival->cost));
    }
}

std::optional<std::size_t> RegionSamples::find(const RivalState& rival) const {
    const auto at = std::ranges::find(rivals, &rival);
    if (at == rivals.end()) return std::nullopt;
    return static_cast<std::size_t>(at - rivals.begin());
}

std::vector<PhaseSplit> PreparedCase::split_phases(std::span<const RivalState* const> timed,
                                                   const Options& options) {
    PhaseSplitter splitter(
        {parts_.control, parts_.timeline, parts_.device, parts_.stream}, phase::kAll,
        phase::kCombine,
        Skew(skew_seconds(case_), parts_.control.size(), static_cast<std::uint64_t>(case_.seed)));
    std::vector<std::function<void(Trace&)>> steps;
    for (const auto* rival : timed) {
        // One layer of the step, another one each time: its weights are as cold as in the step.
        steps.emplace_back([this, rival, layer = std::size_t{0}](Trace& trace) mutable {
            parts_.board.enter(
                fmt::format("timing the phases of a layer with {}", rival->entry->name));
            static_cast<void>(
                layer_.forward_layer(layer, *gather_, rival->output, parts_.stream, trace));
            layer = (layer + 1) % layer_.layers();
        });
    }
    return splitter.measure(steps, instrumented_steps(options.min_samples),
                            [&] { cool_if_cold(); });
}

}  // namespace moe
