#include "bench/runner.hpp"

#include "bench/case/make_on_all.hpp"
#include "bench/moe/engine_path.hpp"
#include "bench/report/best_forms.hpp"
#include "bench/report/screen.hpp"
#include "bench/sweep/case_texts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace moe {
namespace {

constexpr std::string_view kDeadly =
    "two runs died in this case, so --resume leaves it out; a run into other files tries it again";

}  // namespace

Runner::Runner(const Parts& parts) : parts_(parts), stream_(parts.backend.device->make_stream()) {}

Runner::Outcome Runner::run(std::span<const Case> cases, const std::set<std::string>& deadly) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
        parts_.heartbeat.begin_case(label_of(cases[i]));
        const double effort = parts_.bootstrap.broadcast(
            parts_.schedule == nullptr ? 0 : parts_.schedule->begin(i, steady_seconds()));
        if (effort <= 0) {
            ++outcome_.left_out;
            continue;
        }
        if (parts_.progress != nullptr) parts_.progress->begin(i, label_of(cases[i]));
        auto layout = lay_out(cases[i], parts_.backend.world->size());
        const auto id = case_id_of(row_context(), cases[i]);
        if (layout.obstacle.empty() && deadly.contains(id)) layout.obstacle = kDeadly;
        if (parts_.files != nullptr) parts_.files->begin_case(id);
        run_case(cases[i], layout, with_effort(parts_.options, effort));
    }
    return outcome_;
}

void Runner::show_phase(std::string_view phase, double share) {
    if (parts_.progress != nullptr) parts_.progress->update(phase, share);
}

void Runner::run_case(const Case& params, CaseLayout& layout, const Options& options) {
    std::unique_ptr<PreparedCase> prepared;
    if (layout.obstacle.empty()) layout.obstacle = prepare(params, layout, prepared);
    if (!layout.obstacle.empty()) {
        end_case();
        report_obstacle(params, layout);
        return;
    }
    const ProfilerRange range(*parts_.backend.device, label_of(params));
    prepared->capture(options);
    if (options.verify != Verify::off) {
        show_phase("verifying");
        prepared->verify(options.verify == Verify::full);
    }
    const auto before = parts_.backend.device->clocks();
    const Disturbance disturbance;
    auto samples = prepared->measure(
        options, [&](std::string_view region, double share) { show_phase(region, share); });
    samples.clocks = clocks_of(before, parts_.backend.device->clocks());
    samples.disturbed_pct = disturbed_pct(disturbance);
    if (options.verify != Verify::off) {
        show_phase("verifying again");
        prepared->verify_again();
    }
    end_case();
    report_measured(params, layout, prepared->strategies(), samples);
}

void Runner::end_case() {
    if (parts_.files != nullptr) parts_.files->end_case();
}

void Runner::report_obstacle(const Case& params, const CaseLayout& layout) {
    std::vector<ResultRow> rows;
    for (const auto* entry : parts_.options.combines) {
        rows.push_back(describe_row(row_context(), params, layout, *entry));
        rows.back().obstacle = layout.obstacle;
    }
    report(params, rows);
}

CaseClocks Runner::clocks_of(const std::optional<Clocks>& before,
                             const std::optional<Clocks>& after) {
    CaseClocks clocks;
    if (!before || !after) return clocks;
    clocks.before_mhz = before->core_mhz;
    clocks.after_mhz = after->core_mhz;
    // Of all ranks: the slowest one is what everyone waits for.
    clocks.throttled = parts_.bootstrap.first_nonempty(after->throttled);
    return clocks;
}

std::optional<double> Runner::disturbed_pct(const Disturbance& disturbance) {
    if (parts_.machine.oversubscribed()) return std::nullopt;
    const double share = parts_.bootstrap.max(disturbance.share().value_or(-1));
    return share < 0 ? std::nullopt : std::optional(100 * share);
}

std::string Runner::prepare(const Case& params, const CaseLayout& layout,
                            std::unique_ptr<PreparedCase>& prepared) {
    auto obstacle = parts_.planner.backend_obstacle(params, layout);
    if (!obstacle.empty()) return obstacle;
    const auto needs = parts_.planner.needs(params, layout);
    if (model_ && model_->key != needs.weights_key) model_.reset();  // before memory is looked at
    const auto bytes = needs.activation_bytes + (model_ ? 0 : needs.weight_bytes);
    obstacle = parts_.planner.memory_obstacle(bytes);
    if (!obstacle.empty()) return obstacle;
    auto& bootstrap = parts_.bootstrap;
    auto& device = *parts_.backend.device;
    try {
        // All of it at once, for a moment, in which ranks that share a memory hold theirs too.
        static_cast<void>(make_on_all(bootstrap, [&] { return device.allocate(bytes); }));
        if (!model_)
            model_ = make_on_all(bootstrap, [&] { return make_model(params, layout, needs); });
        prepared = std::make_unique<PreparedCase>(
            params, layout, parts_.options.combines,
            PreparedCase::Parts{
                device, *stream_, bootstrap, parts_.timeline, parts_.calibration,
                parts_.planner.world_for(params), parts_.planner.group_for(params, layout.parallel),
                *parts_.backend.layer_kernels, model_->weights, model_->references,
                parts_.heartbeat, parts_.planner.auto_table(),
                parts_.backend.placement.sharing_memory == parts_.backend.world->size()});
    } catch (const OutOfMemory& error) {
        parts_.planner.world_for(params).free_unwound_memory();
        return fmt::format("out of memory: {}", error.what());
    }
    return {};
}

Runner::Model Runner::make_model(const Case& params, const CaseLayout& layout,
                                 const CaseNeeds& needs) {
    Model model{needs.weights_key, {}, {}};
    auto plan = needs.weights;
    for (plan.layer = 0; plan.layer < params.layers; ++plan.layer) {
        parts_.heartbeat.set_phase(fmt::format("making the weights of layer {}", plan.layer));
        model.weights.emplace_back(*parts_.backend.device, plan,
                                   [this] { parts_.heartbeat.advance(); });
        model.references.emplace_back(plan.shape, layout.parallel, plan.compute, plan.seed,
                                      plan.layer);
    }
    return model;
}

RowContext Runner::row_context() const {
    return {parts_.backend, parts_.machine, parts_.options,
            parts_.files == nullptr ? std::string() : parts_.files->run_id()};
}

void Runner::report_measured(const Case& params, const CaseLayout& layout,
                             std::span<const StrategyRun> strategies, const CaseSamples& samples) {
    std::vector<ResultRow> rows;
    std::vector<FormSamples> forms;
    std::vector<TracedStep> steps;
    for (const auto& strategy : strategies) {
        auto& row = rows.emplace_back(describe_row(row_context(), params, layout, *strategy.entry));
        row.variant = strategy.variant;
        row.obstacle = strategy.obstacle;
        row.verified = strategy.verified;
        row.detail = strategy.wrong;
        if (strategy.obstacle.empty()) {
            row.input = to_string(strategy.needs);
            if (params.epilogue != Epilogue::none) {
                row.epilogue_kernel = strategy.output.fuses_epilogue ? "fused" : "own";
            }
        }
        if (!strategy.to_be_timed() || parts_.files == nullptr) continue;
        row.rms_error = strategy.rms_error;
        row.repeatable = strategy.repeatable;
        row.owner_independent = strategy.owner_independent;
        row.link_bytes = strategy.cost.link_bytes;
        row.memory_bytes = strategy.cost.memory_bytes;
        row.launches = strategy.cost.launches;
        row.clock_before_mhz = samples.clocks.before_mhz;
        row.clock_after_mhz = samples.clocks.after_mhz;
        row.throttled = samples.clocks.throttled;
        row.disturbed_pct = samples.disturbed_pct;
        report_samples(strategies, strategy, samples, row);
        forms.push_back(form_samples(strategy, samples));
        forms.back().baseline = row.is_baseline;
        // Engines' own kernels are between GPUs; here they are measured between cores too.
        forms.back().engines = parts_.backend.gpus && runs_in_sglang(row.engine_path);
        if (row.phases) {
            const auto at = *samples.of(RegionId::layer)->find(strategy);
            steps.push_back({strategy.entry->name, samples.phases[at].fastest});
            // The marked runs are of one layer, isolated, and nothing is planted in them.
            if (params.layers == 1 && parts_.options.mode == Mode::isolated &&
                row.planted_pct == 0) {
                row.phases->instrumentation_pct =
                    (samples.phases[at].step * 1e6 / row.layer->us.median - 1) * 100;
            }
        }
    }
    if (parts_.files != nullptr) parts_.files->append_trace(label_of(params), steps);
    report(params, rows, compare_best_forms(forms));
}

FormSamples Runner::form_samples(const StrategyRun& strategy, const CaseSamples& samples) {
    const auto& output = *samples.of(RegionId::output);
    FormSamples form{strategy.entry->name, strategy.entry->form,
                     output.series.seconds[*output.find(strategy)]};
    if (const auto& layer = samples.of(RegionId::layer)) {
        form.layer = layer->series.seconds[*layer->find(strategy)];
    }
    return form;
}

void Runner::report_samples(std::span<const StrategyRun> strategies, const StrategyRun& strategy,
                            const CaseSamples& samples, ResultRow& row) {
    const auto timing = [&](RegionId id, std::string_view name) -> std::optional<Timing> {
        const auto& region = samples.of(id);
        const auto at = region ? region->find(strategy) : std::nullopt;
        if (!at) return std::nullopt;
        const auto& series = region->series;
        parts_.files->append_samples(row, name, series.seconds[*at], series.arrival_spread[*at]);
        // No speed-ups against a baseline that failed when it was verified again.
        return timing_of(series, *at, region->has_baseline && strategies.front().to_be_timed());
    };
    row.output = timing(RegionId::output, "output");
    row.combine_alone = timing(RegionId::combine, "combine");
    row.layer = timing(RegionId::layer, "layer");

    if (samples.beside) report_beside(strategy, *samples.beside, row);

    const auto& output = *samples.of(RegionId::output);
    const auto at = *output.find(strategy);
    describe_samples(output.series, at, row);
    row.timed_by = output.series.by_device ? "device" : "host";
    if (samples.contract_limit) {
        row.contract_limit_us = *samples.contract_limit * 1e6;
        row.limit_us = samples.limits[at].exchange * 1e6;
        row.output_limit_us = samples.limits[at].output * 1e6;
    }
    if (!samples.phases.empty()) {
        row.phases = phases_of(samples.phases[*samples.of(RegionId::layer)->find(strategy)]);
    }
}

void Runner::report_beside(const StrategyRun& strategy, const BesideSamples& samples,
                           ResultRow& row) {
    const auto times = samples.of(strategy);
    if (!times) return;
    row.beside_times = beside_times_of(*times, samples.shares_core);
    const auto& [gemm_alone, output, gemm, together, in_turn, spread] = *times;
    parts_.files->append_samples(row, "gemm", gemm_alone, spread.gemm_alone);
    parts_.files->append_samples(row, "beside_output", output, spread.beside);
    parts_.files->append_samples(row, "beside_gemm", gemm, spread.beside);
    parts_.files->append_samples(row, "together", together, spread.beside);
    parts_.files->append_samples(row, "in_turn", in_turn, spread.in_turn);
}

void Runner::report(const Case& params, std::span<const ResultRow> rows,
                    const std::optional<Comparison>& best_forms) {
    for (const auto& row : rows) {
        outcome_.obstacles += row.obstacle.empty() ? 0 : 1;
        outcome_.wrong += row.verified == false ? 1 : 0;
        outcome_.measured += row.obstacle.empty() && row.verified != false ? 1 : 0;
    }
    outcome_.summary.add(rows);
    outcome_.auto_choices.add(rows);
    outcome_.step_totals.add(params, rows);
    parts_.heartbeat.set_phase("writing rows");
    if (parts_.files == nullptr) return;
    parts_.files->append(rows);
    if (parts_.progress != nullptr) parts_.progress->clear();
    show(case_table(rows, best_forms) + "\n");
}

}  // namespace moe
