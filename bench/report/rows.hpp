#pragma once

#include "bench/case/beside_gemm.hpp"
#include "bench/case/plan.hpp"
#include "bench/measure/phase_split.hpp"
#include "bench/measure/sampler.hpp"
#include "bench/report/result_row.hpp"
#include "bench/sweep/case.hpp"
#include "bench/sweep/options.hpp"
#include "comm/backend.hpp"
#include "comm/combine/combine.hpp"
#include "comm/machine.hpp"

#include <optional>
#include <string>

namespace moe {

/// What all rows of a run have in common.
struct RowContext {
    const Backend& backend;
    const Machine& machine;
    const Options& options;
    std::string run_id;
};

/// The same on every rank, and in every run of the same case on the same backend, ranks and hosts.
[[nodiscard]] std::string case_id_of(const RowContext& context, const Case& params);

/// A row with everything that is known before anything is measured.
[[nodiscard]] ResultRow describe_row(const RowContext& context, const Case& params,
                                     const CaseLayout& layout, const CombineEntry& entry);

/// One candidate's samples as a row shows them, in microseconds; candidate 0 is the baseline if
/// there is one.
[[nodiscard]] Timing timing_of(const Series& series, std::size_t candidate, bool has_baseline);
/// What a row says of how one candidate's output samples came about.
void describe_samples(const Series& output, std::size_t candidate, ResultRow& row);
[[nodiscard]] BesideTimes beside_times_of(const BesideSamples::Times& times, bool shares_core);
[[nodiscard]] ResultRow::Phases phases_of(const PhaseSplit& split);

}  // namespace moe
