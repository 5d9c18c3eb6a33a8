#include "bench/report/result_row.hpp"

#include "bench/measure/disturbance.hpp"
#include "bench/measure/limits.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>
#include <vector>

namespace moe {
namespace {

template <class T>
Value cell(const std::optional<T>& value) {
    return value ? Value(*value) : Value();
}

/// Appends <name>_median, <name>_low, <name>_high, as the caller names them.
struct Triple {
    std::string_view median, low, high;
};

void add_estimate(Record& record, const Triple& names, const Estimate* estimate) {
    record.emplace_back(names.median, estimate ? Value(estimate->median) : Value());
    record.emplace_back(names.low, estimate ? value_or_empty(estimate->low) : Value());
    record.emplace_back(names.high, estimate ? value_or_empty(estimate->high) : Value());
}

const Estimate* us_of(const std::optional<Timing>& timing) {
    return timing ? &timing->us : nullptr;
}

const Estimate* speedup_of(const std::optional<Timing>& timing) {
    return timing && timing->speedup.median > 0 ? &timing->speedup : nullptr;
}

Value iqr_of(const std::optional<Timing>& timing) {
    return timing ? value_or_empty(timing->iqr) : Value();
}

/// 1e9 bytes a second; nothing where no time was taken.
Value bandwidth(double bytes, const std::optional<Timing>& timing) {
    if (!timing || timing->us.median <= 0) return {};
    return bytes / timing->us.median * 1e-3;
}

/// What a limit is of the measured time, in percent.
Value share(const std::optional<double>& limit_us, const std::optional<Timing>& timing) {
    if (!limit_us || !timing || timing->us.median <= 0) return {};
    return *limit_us / timing->us.median * 100;
}

}  // namespace

Record ResultRow::record() const {
    const auto text = [](const std::string& value) {
        return value.empty() ? Value() : Value(value);
    };
    const auto of_layer = [&](std::optional<double> Timing::*field) {
        return layer ? value_or_empty((*layer).*field) : Value();
    };
    const auto phase_us = [&](double Phases::*field) {
        return phases ? Value((*phases).*field) : Value();
    };
    Record r{{"schema_version", kSchemaVersion},
             {"run_id", run_id},
             {"launch", launch},
             {"case_id", case_id},
             {"backend", backend},
             {"device", device},
             {"claim", claim},
             {"transport", transport},
             {"hosts", hosts},
             {"ranks", ranks},
             {"ranks_per_device", ranks_per_device},
             {"model", model},
             {"hidden", hidden},
             {"experts", experts},
             {"top_k", top_k},
             {"intermediate", intermediate},
             {"shared_intermediate", shared_intermediate},
             {"scale_experts", scale_experts},
             {"tokens", tokens},
             {"load", load},
             {"tokens_per_rank", text(fmt::format("{}", fmt::join(tokens_per_rank, ";")))},
             {"routing", routing},
             {"phase", text(phase)},
             {"padding", padding},
             {"rows", cell(rows)},
             {"dp", dp},
             {"attn_tp", cell(attn_tp)},
             {"ep", ep},
             {"moe_tp", cell(moe_tp)},
             {"gather", gather},
             {"combine", combine},
             {"variant", text(variant)},
             {"dtype", dtype},
             {"graph", graph},
             {"scope", scope},
             {"cache", cache},
             {"mode", mode},
             {"layers", layers},
             {"epilogue", epilogue},
             {"seed", seed},
             {"planted_pct", planted_pct},
             {"sglang_path", text(sglang_path)},
             {"is_baseline", is_baseline},
             {"verified", cell(verified)},
             {"rms_error", value_or_empty(rms_error)},
             {"obstacle", text(obstacle)},
             {"samples", cell(samples)},
             {"stop_reason", text(stop_reason)}};
    add_estimate(r, {"layer_us_median", "layer_us_low", "layer_us_high"}, us_of(layer));
    r.emplace_back("layer_us_min", of_layer(&Timing::min));
    r.emplace_back("layer_us_p95", of_layer(&Timing::p95));
    r.emplace_back("layer_us_p99", of_layer(&Timing::p99));
    add_estimate(r, {"output_us_median", "output_us_low", "output_us_high"}, us_of(output));
    add_estimate(r, {"combine_us_median", "combine_us_low", "combine_us_high"},
                 us_of(combine_alone));
    r.emplace_back("gather_us_median", phase_us(&Phases::gather));
    r.emplace_back("route_us_median", phase_us(&Phases::route));
    r.emplace_back("permute_us_median", phase_us(&Phases::permute));
    r.emplace_back("experts_us_median", phase_us(&Phases::experts));
    r.emplace_back("local_combine_us_median", phase_us(&Phases::local_combine));
    r.emplace_back("shared_us_median", phase_us(&Phases::shared));
    r.emplace_back("wait_us_median", phase_us(&Phases::wait));
    r.emplace_back("arrival_spread_us_median", phase_us(&Phases::arrival_spread));
    r.emplace_back("instrumentation_pct",
                   phases ? value_or_empty(phases->instrumentation_pct) : Value());
    add_estimate(r, {"speedup_layer", "speedup_layer_low", "speedup_layer_high"},
                 speedup_of(layer));
    add_estimate(r, {"speedup_output", "speedup_output_low", "speedup_output_high"},
                 speedup_of(output));
    add_estimate(r, {"speedup_combine", "speedup_combine_low", "speedup_combine_high"},
                 speedup_of(combine_alone));
    r.emplace_back("link_bytes_per_rank", cell(link_bytes));
    r.emplace_back("memory_bytes_per_rank", cell(memory_bytes));
    r.emplace_back("launches", cell(launches));
    r.emplace_back("sms", text(sms));
    r.emplace_back("algbw_gbps", bandwidth(matrix_bytes, combine_alone));
    r.emplace_back("busbw_gbps", bandwidth(contract_bytes, combine_alone));
    r.emplace_back("contract_limit_us", value_or_empty(contract_limit_us));
    r.emplace_back("limit_us", value_or_empty(limit_us));
    r.emplace_back("pct_of_limit", share(limit_us, combine_alone));
    const bool timed = layer && layer->us.median > 0;
    r.emplace_back("tokens_per_s",
                   timed ? Value(static_cast<double>(tokens) / layer->us.median * 1e6) : Value());
    r.emplace_back("scoring", scoring);
    r.emplace_back("shared_gate", shared_gate);
    r.emplace_back("detail", text(detail));
    r.emplace_back("repeatable", cell(repeatable));
    r.emplace_back("owner_independent", cell(owner_independent));
    r.emplace_back("launches_planned", launches_planned);
    r.emplace_back("flags", text(flags()));
    r.emplace_back("repeats", cell(repeats));
    r.emplace_back("layer_us_iqr", iqr_of(layer));
    r.emplace_back("output_us_iqr", iqr_of(output));
    r.emplace_back("combine_us_iqr", iqr_of(combine_alone));
    r.emplace_back("predecessor_pct", value_or_empty(predecessor_pct));
    r.emplace_back("predecessor_p", value_or_empty(predecessor_p));
    r.emplace_back("timed_by", text(timed_by));
    r.emplace_back("clock_before_mhz", cell(clock_before_mhz));
    r.emplace_back("clock_after_mhz", cell(clock_after_mhz));
    r.emplace_back("throttled", text(throttled));
    r.emplace_back("input", text(input));
    r.emplace_back("experts_kernel", text(experts_kernel));
    r.emplace_back("skew_us", skew_us);
    r.emplace_back("disturbed_pct", value_or_empty(disturbed_pct));
    r.emplace_back("form", text(form));
    return r;
}

bool ResultRow::above_limit() const {
    return combine_alone && limit_us && beats_limit(combine_alone->us.median, *limit_us);
}

bool ResultRow::above_contract_limit() const {
    return combine_alone && contract_limit_us &&
           beats_limit(combine_alone->us.median, *contract_limit_us);
}

bool ResultRow::disturbed() const {
    return timed_by == "host" && disturbed_pct && *disturbed_pct > 100 * kDisturbed;
}

std::string ResultRow::flags() const {
    std::vector<std::string_view> words;
    if (above_limit()) words.emplace_back("above_limit");
    if (above_contract_limit()) words.emplace_back("above_contract_limit");
    if (!throttled.empty()) words.emplace_back("throttled");
    if (disturbed()) words.emplace_back("disturbed");
    return fmt::format("{}", fmt::join(words, ";"));
}

}  // namespace moe
