#include "bench/case/prepared_case.hpp"

#include "bench/case/exchange.hpp"
#include "bench/case/make_on_all.hpp"
#include "bench/measure/cache_flush.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moe {
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
    if (params.beside == Beside::none || row_map_.rows() == 0) return;
    const auto plan = layer_plan(params, layout.parallel, row_map_, parts.world.rank());
    beside_ = make_on_all(parts.bootstrap, [&] {
        return std::make_unique<BesideGemm>(
            BesideGemm::Parts{params, parts.device, parts.world, parts.stream, layer_,
                              [this] { flush_if_cold(); }},
            BesideGemm::bytes(plan, parts.kernels));
    });
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
                       make_on_all(parts_.bootstrap, [&] { return inputs_.of(strategy.needs); }),
                       entry.fuses_norm(combine_setup_)};
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
    const auto read = static_cast<std::int64_t>(MoeLayer::weighted_layout(plan, kernels).bytes());
    total += Calibration::bytes(setup.device, setup.world, sent,
                                std::max(plan.rows * setup.row_bytes(), read));
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
    if (beside_) beside_->capture(strategy);
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
    if (beside_) verify_beside(verifier);
}

void PreparedCase::verify_beside(CaseVerifier& verifier) {
    Trace silent;
    bool gemm_is_checked = false;
    for (auto& strategy : strategies_) {
        if (!strategy.to_be_timed()) continue;
        parts_.heartbeat.set_phase(
            fmt::format("checking {} beside the GEMM", strategy.entry->name));
        layer_.run_experts(0, *gather_, parts_.stream, silent);
        if (!gemm_is_checked) strategy.wrong = verifier.agree(beside_->check_gemm(strategy));
        gemm_is_checked = true;
        if (strategy.wrong.empty()) strategy.wrong = beside_->check_output(verifier, strategy);
        strategy.verified = strategy.wrong.empty();
    }
}

}  // namespace moe
