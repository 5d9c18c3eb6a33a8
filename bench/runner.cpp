#include "bench/runner.hpp"

#include "bench/cases.hpp"
#include "bench/report/case_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <limits>

namespace moe {
namespace {

/// The share of free memory that a case may take: libraries and the page cache live there too.
constexpr double kMemoryShare = 0.9;

std::string gibibytes(double bytes) {
    return fmt::format("{:.1f} GiB", bytes / (1U << 30U));
}

std::string label(const Case& one) {
    return fmt::format("{} H {} dp {} ep {} {} {} {}: {} tokens", one.model, one.hidden, one.dp,
                       one.ep, to_string(one.dtype), one.gather, one.load, one.tokens);
}

}  // namespace

Runner::Runner(const Parts& parts) : parts_(parts), stream_(parts.backend.device->make_stream()) {}

Runner::Outcome Runner::run(std::span<const Case> cases) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
        if (parts_.progress != nullptr) parts_.progress->begin(i, label(cases[i]));
        run_case(cases[i]);
    }
    return outcome_;
}

void Runner::run_case(const Case& one) {
    const Parallel parallel{parts_.control.size(), static_cast<int>(one.dp),
                            static_cast<int>(one.ep)};
    const Load load(one.load);
    std::optional<RowMap> row_map;
    auto obstacle = parallel.obstacle();
    if (obstacle.empty()) obstacle = load.obstacle(parallel.dp);
    if (obstacle.empty()) {
        row_map.emplace(parallel, load.deal(one.tokens, parallel.dp));
        obstacle = prepare(one, parallel, row_map);
    }
    if (!obstacle.empty()) {
        std::vector<ResultRow> rows;
        for (const auto* entry : parts_.options.combines) {
            rows.push_back(describe_row(row_context(), one, parallel, row_map, *entry));
            rows.back().obstacle = obstacle;
        }
        report(rows);
        return;
    }
    PreparedCase prepared(
        one, parallel, *row_map, parts_.options.combines,
        {*parts_.backend.device, *stream_, parts_.control, parts_.timeline, *parts_.backend.world,
         group_for(parallel), *parts_.backend.layer_kernels, model_->weights, model_->reference});
    if (parts_.options.verify != Verify::off) {
        prepared.verify(parts_.options.verify == Verify::full);
    }
    const StopRule rule{parts_.options.min_samples, parts_.options.budget_seconds,
                        parts_.options.ci_pct / 100};
    const auto samples = prepared.measure(rule, [&](double share) {
        if (parts_.progress != nullptr) parts_.progress->update(share);
    });
    if (parts_.options.verify != Verify::off) prepared.verify_again();
    report_measured(one, parallel, row_map, prepared.rivals(), samples);
}

std::string Runner::prepare(const Case& one, const Parallel& parallel,
                            const std::optional<RowMap>& row_map) {
    if (!parts_.backend.layer_kernels) {
        return fmt::format("the {} backend has no kernels for the layer", parts_.backend.name);
    }
    // MPI counts elements, and the kernels index rows, in 32 bits.
    constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
    const auto most = row_map->rows() * std::max(one.hidden, one.top_k + 1);
    if (most > kMost) {
        return fmt::format("{} rows are {} elements to exchange; one call takes {}",
                           row_map->rows(), most, kMost);
    }
    // Everything that the weights and the reference depend on.
    auto same = one;
    same.tokens = 0;
    same.load = same.gather = same.padding = same.scope = "";
    same.dp = 0;
    const auto key = case_id(same, "weights");
    if (model_ && model_->key != key) model_.reset();  // before asking how much memory is free

    const auto plan = weights_plan(one, parallel);
    auto obstacle = memory_obstacle(one, parallel, *row_map, plan);
    if (!obstacle.empty() || model_) return obstacle;
    model_.emplace(Model{key, LayerWeights(*parts_.backend.device, plan),
                         LayerReference(plan.shape, parallel, plan.seed)});
    return {};
}

LayerWeights::Plan Runner::weights_plan(const Case& one, const Parallel& parallel) const {
    const auto& device = *parts_.backend.device;
    const auto shape = shape_of(one);
    LayerWeights::Plan plan{shape, shard_of(shape, parallel, parts_.control.rank()),
                            parts_.backend.layer_kernels->compute_dtype(one.dtype),
                            static_cast<std::uint64_t>(one.seed), 1};
    plan.copies = LayerWeights::cold_copies(LayerWeights::copy_bytes(plan), device.cache_bytes());
    return plan;
}

std::string Runner::memory_obstacle(const Case& one, const Parallel& parallel,
                                    const RowMap& row_map, const LayerWeights::Plan& weights) {
    auto& control = parts_.control;
    auto& device = *parts_.backend.device;
    const CombineSetup setup{
        device, *parts_.backend.world, group_for(parallel), row_map.owned(), one.hidden, one.dtype};
    auto need = PreparedCase::bytes(layer_plan(one, parallel, row_map, control.rank()),
                                    *parts_.backend.layer_kernels, setup, parts_.options.combines);
    if (!model_) {
        need += LayerWeights::copy_bytes(weights) * static_cast<std::size_t>(weights.copies) +
                LayerWeights::fixed_bytes(weights);
    }
    const double on_host = control.max(static_cast<double>(need)) * parts_.machine.ranks_on_host;
    const double free = -control.max(-static_cast<double>(device.memory_available()));
    if (on_host <= kMemoryShare * free) return {};
    return fmt::format(
        "needs {} more memory on a host of {} ranks, {} of {} free may be used; "
        "fewer --tokens or --scale-experts helps",
        gibibytes(on_host), parts_.machine.ranks_on_host, gibibytes(kMemoryShare * free),
        gibibytes(free));
}

Communicator& Runner::group_for(const Parallel& parallel) {
    auto& group = groups_[parallel.dp];
    if (!group) {
        group = parts_.backend.world->split(parallel.dp_index(parts_.control.rank()));
    }
    return *group;
}

RowContext Runner::row_context() const {
    return {parts_.backend, parts_.machine,
            parts_.files == nullptr ? std::string() : parts_.files->run_id()};
}

void Runner::report_measured(const Case& one, const Parallel& parallel,
                             const std::optional<RowMap>& row_map, std::span<RivalState> rivals,
                             const CaseSamples& samples) {
    std::vector<ResultRow> rows;
    for (const auto& rival : rivals) {
        auto& row =
            rows.emplace_back(describe_row(row_context(), one, parallel, row_map, *rival.entry));
        row.obstacle = rival.obstacle;
        row.verified = rival.verified;
        row.detail = rival.wrong;
        if (!rival.to_be_timed() || parts_.files == nullptr) continue;
        row.rms_error = rival.rms_error;
        row.link_bytes = rival.cost.link_bytes;
        row.memory_bytes = rival.cost.memory_bytes;
        row.launches = rival.cost.launches;

        const auto at = static_cast<std::size_t>(
            std::find(samples.rivals.begin(), samples.rivals.end(), &rival) -
            samples.rivals.begin());
        row.samples = static_cast<std::int64_t>(samples.output.seconds[at].size());
        row.stop_reason = samples.output.stop_reason;
        const auto keep = [&](std::optional<Timing>& timing, std::string_view kind,
                              const Series& series) {
            timing = timing_of(series, at, samples.has_baseline);
            parts_.files->append_samples(row, kind, series.seconds[at], series.arrival_spread[at]);
        };
        keep(row.output, "output", samples.output);
        keep(row.combine_alone, "combine", samples.combine);
        if (samples.layer) {
            keep(row.layer, "layer", *samples.layer);
            row.phases = phases_of(samples.phases[at], row.layer->us.median);
        }
    }
    report(rows);
}

void Runner::report(std::span<const ResultRow> rows) {
    for (const auto& row : rows) {
        outcome_.obstacles += row.obstacle.empty() ? 0 : 1;
        outcome_.wrong += row.verified == false ? 1 : 0;
        outcome_.measured += row.obstacle.empty() && row.verified != false ? 1 : 0;
        if (parts_.files != nullptr) parts_.files->append(row);
    }
    if (parts_.files == nullptr) return;
    if (parts_.progress != nullptr) parts_.progress->clear();
    fmt::print("{}\n", case_table(rows));
    std::fflush(stdout);
}

}  // namespace moe
