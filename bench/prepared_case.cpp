#include "bench/prepared_case.hpp"

#include "bench/cases.hpp"
#include "bench/measure/cold_caches.hpp"
#include "comm/contract_cost.hpp"
#include "comm/named_table.hpp"

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

double skew_seconds(const Case& one) {
    return static_cast<double>(one.skew_us) * 1e-6;
}

}  // namespace

LayerPlan layer_plan(const Case& one, const Parallel& parallel, const RowMap& row_map, int rank) {
    const auto shape = shape_of(one);
    const auto own = row_map.owned().rows(rank);
    return {.shape = shape,
            .shard = shard_of(shape, parallel, rank),
            .rows = row_map.rows(),
            .own_rows = own,
            .group_rows = own * parallel.attn_tp(),
            .wire = one.dtype};
}

PreparedCase::PreparedCase(const Case& one, const CaseLayout& layout,
                           std::span<const CombineEntry* const> combines, const Parts& parts)
    : case_(one),
      row_map_(*layout.row_map),
      parts_(parts),
      combine_setup_{parts.device,     parts.world, parts.group,
                     row_map_.owned(), one.hidden,  one.dtype},
      gather_setup_{parts.device, parts.world, row_map_.owned(), one.hidden, one.dtype},
      layer_(layer_plan(one, layout.parallel, row_map_, parts.control.rank()),
             {parts.device, parts.kernels, parts.weights, row_map_}),
      gather_(find_named(gather_table(), one.gather, "gather").make(gather_setup_)) {
    for (const auto* entry : combines) {
        auto& rival = rivals_.emplace_back(RivalState{.entry = entry,
                                                      .obstacle = entry->obstacle(combine_setup_),
                                                      .cost = entry->cost(combine_setup_),
                                                      .variant = entry->variant(combine_setup_)});
        if (rival.obstacle.empty()) rival.combine = entry->make(combine_setup_);
    }
    fill_input(parts.device, layer_.input(),
               Synthetic(shape_of(one), static_cast<std::uint64_t>(one.seed)), row_map_,
               parts.control.rank());
}

std::size_t PreparedCase::bytes(const LayerPlan& plan, const LayerKernelsFactory& kernels,
                                const CombineSetup& setup,
                                std::span<const CombineEntry* const> combines) {
    std::size_t total = MoeLayer::bytes(plan, kernels);
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
    // and wanted data of two runs, what came, and a copy while it compares.
    constexpr std::int64_t kCopies = 1 + 6;
    return total + static_cast<std::size_t>(kCopies * plan.rows * setup.row_bytes());
}

CaseVerifier PreparedCase::verifier() {
    return CaseVerifier({parts_.device, parts_.stream, parts_.control, layer_, *gather_, row_map_,
                         combine_setup_, parts_.references,
                         static_cast<std::uint64_t>(case_.seed)});
}

void PreparedCase::capture() {
    if (case_.graph != kGraphOn) return;
    auto& stream = parts_.stream;
    const auto too_many = StepGraphs::obstacle(layer_.copies());
    for (auto& rival : rivals_) {
        if (!rival.obstacle.empty()) continue;
        rival.obstacle = too_many;
        if (!rival.obstacle.empty()) continue;
        parts_.board.enter(fmt::format("capturing {}", rival.entry->name));
        Trace silent;
        static_cast<void>(layer_.forward(*gather_, *rival.combine, stream, silent));
        stream.synchronize();
        std::string why;
        try {
            rival.graphs = std::make_unique<StepGraphs>(layer_, *gather_, *rival.combine, stream);
        } catch (const Error& error) {
            why = fmt::format("cannot be captured: {}", error.what());
        }
        rival.obstacle = parts_.control.first_text(why);
        if (!rival.obstacle.empty()) rival.graphs.reset();
    }
}

Matrix PreparedCase::run_step(RivalState& rival) {
    if (rival.graphs) return rival.graphs->step();
    Trace silent;
    return layer_.forward(*gather_, *rival.combine, parts_.stream, silent);
}

void PreparedCase::verify_again() {
    auto verifier = this->verifier();
    for (auto& rival : rivals_) {
        if (!rival.to_be_timed()) continue;
        parts_.board.enter(fmt::format("checking {} once more", rival.entry->name));
        rival.wrong = verifier.check_combine(rival.timed_combine());
        if (!rival.wrong.empty()) rival.wrong = "after it was timed: " + rival.wrong;
        rival.verified = rival.wrong.empty();
    }
}

void PreparedCase::verify(bool whole_layer) {
    auto verifier = this->verifier();
    parts_.board.enter(fmt::format("checking {}", case_.gather));
    const auto wrong_gather = verifier.check_gather();
    for (auto& rival : rivals_) {
        if (!rival.obstacle.empty()) continue;
        parts_.board.enter(fmt::format("checking {}", rival.entry->name));
        rival.wrong = wrong_gather.empty() ? verifier.check_combine(rival.timed_combine())
                                           : "the gather: " + wrong_gather;
        if (rival.wrong.empty() && whole_layer) {
            parts_.board.enter(fmt::format("checking the layer with {}", rival.entry->name));
            const auto verdict = verifier.check_layer([&](std::size_t layer) {
                // A step by graph ends with its last layer.
                if (rival.graphs && layer + 1 == layer_.layers()) return run_step(rival);
                Trace silent;
                return layer_.forward_layer(layer, *gather_, *rival.combine, parts_.stream, silent);
            });
            rival.rms_error = verdict.rms_error;
            rival.wrong = verdict.wrong.empty() ? "" : "the layer: " + verdict.wrong;
            const auto numerics = verifier.check_numerics(*rival.entry, rival.timed_combine());
            rival.repeatable = verdict.repeatable && numerics.repeatable;
            rival.owner_independent = numerics.owner_independent;
        }
        rival.verified = rival.wrong.empty();
    }
}

CaseSamples PreparedCase::measure(const Options& options, const std::function<void(double)>& beat) {
    CaseSamples samples;
    for (auto& rival : rivals_) {
        if (rival.to_be_timed()) samples.rivals.push_back(&rival);
    }
    if (samples.rivals.empty()) return samples;
    samples.has_baseline = samples.rivals.front() == &rivals_.front();

    auto& stream = parts_.stream;
    Trace silent;
    const auto combine_only = [&](RivalState& rival) {
        return
            [&] { static_cast<void>(layer_.combine_only(rival.timed_combine(), stream, silent)); };
    };
    const auto output = [&](RivalState& rival) {
        return [&] {
            if (rival.graphs) {
                rival.graphs->output();
            } else {
                static_cast<void>(layer_.output(*rival.combine, stream, silent));
            }
        };
    };
    const auto layer = [&](RivalState& rival) {
        return [&] { static_cast<void>(run_step(rival)); };
    };
    const bool with_layer = case_.scope == "layer";
    const int kinds = with_layer ? 3 : 2;
    const StopRule rule{options.min_samples, options.budget_seconds / kinds, options.ci_pct / 100};
    RegionTimer timer(parts_.device, parts_.timeline, stream);
    Sampler sampler({parts_.control, parts_.timeline, stream, &timer}, options.mode,
                    skew_seconds(case_));
    std::optional<ColdCaches> caches;
    if (options.cold) caches.emplace(parts_.device, stream);
    const auto cool = [&] {
        if (caches) caches->fill(stream);
    };
    const auto launches_of = [&](const RivalState& rival) {
        if (rival.graphs) return 1;
        return static_cast<int>(case_.layers * (kLayerLaunches + rival.cost.launches));
    };
    int kind = 0;
    const auto series = [&](std::string_view region, auto&& prime, auto&& run) {
        const ProfilerRange range(parts_.device, std::string(region));
        std::vector<Rival> rivals;
        for (auto* rival : samples.rivals) {
            const auto doing = fmt::format("measuring the {} of {}", region, rival->entry->name);
            // Cold after priming, which still settles buffers and connections.
            rivals.push_back({[this, doing, first = prime(*rival), &cool] {
                                  parts_.board.enter(doing);
                                  first();
                                  cool();
                              },
                              run(*rival), options.planted_pct(*rival->entry) / 100,
                              fmt::format("{}: {}", region, rival->entry->name),
                              launches_of(*rival)});
        }
        constexpr std::int64_t kKindsAtMost = 4;
        const auto seed =
            static_cast<std::uint64_t>(case_.seed + kind + kKindsAtMost * (options.launch - 1));
        auto result = sampler.measure(rivals, rule, seed,
                                      [&](double spent) { beat((kind + spent) / kinds); });
        ++kind;
        return result;
    };

    // The expert rows that every output step starts from.
    layer_.run_experts(0, *gather_, stream, silent);
    samples.output = series("output step", output, output);
    // The exchange starts from partial sums that were just written by the ranks that sum them: what
    // an earlier exchange left in other ranks' caches would make reading peers look cheap.
    const auto fresh_partial = [&](RivalState& rival) {
        return [&, run = output(rival)] {
            run();
            layer_.local_combine(stream, silent);
        };
    };
    samples.combine = series("combine", fresh_partial, combine_only);
    if (with_layer) {
        // A whole layer reads more than any cache holds before it comes to the combine, so priming
        // the combine's own path is enough.
        samples.layer = series("layer", combine_only, layer);
        if (case_.graph != kGraphOn) {
            samples.phases =
                split_phases(samples.rivals, instrumented_steps(rule.min_samples), cool);
        }
    }
    find_limits(samples);
    return samples;
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
    for (const auto* rival : samples.rivals) samples.limits.push_back(limit(rival->cost));
}

std::vector<PhaseSplit> PreparedCase::split_phases(std::span<RivalState* const> timed, int count,
                                                   const std::function<void()>& prepare) {
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
                layer_.forward_layer(layer, *gather_, *rival->combine, parts_.stream, trace));
            layer = (layer + 1) % layer_.layers();
        });
    }
    return splitter.measure(steps, count, prepare);
}

}  // namespace moe
