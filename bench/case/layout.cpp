#include "bench/case/layout.hpp"

#include "bench/moe/load.hpp"
#include "bench/moe/sglang_gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace moe {
namespace {

StepPhase phase_of(const Case& one) {
    if (one.phase == kDecodeStep) return StepPhase::decode;
    return one.phase == kMixedStep ? StepPhase::mixed : StepPhase::prefill;
}

Padding resolved_padding(const Case& one, const CaseLayout& layout) {
    if (!is_sglang(one.padding)) {
        return one.padding == "max_len" ? Padding::max_len : Padding::sum_len;
    }
    const auto version = one.padding == kSglang22 ? SglangVersion::v0_5_22 : SglangVersion::v0_5_23;
    const auto row_bytes = one.hidden * static_cast<std::int64_t>(size_of(one.dtype));
    return sglang_padding(version, {phase_of(one), one.graph == kGraphOn, row_bytes},
                          layout.tokens_by_dp, layout.parallel.attn_tp());
}

}  // namespace

CaseLayout lay_out(const Case& one, int ranks) {
    CaseLayout layout;
    layout.parallel = {ranks, static_cast<int>(one.dp), static_cast<int>(one.ep)};
    const auto& parallel = layout.parallel;
    const Load load(one.load);
    layout.obstacle = parallel.obstacle();
    if (layout.obstacle.empty()) layout.obstacle = load.obstacle(parallel.dp);
    if (!layout.obstacle.empty()) return layout;

    layout.tokens_by_dp = load.deal(one.tokens, parallel.dp);
    layout.padding = resolved_padding(one, layout);
    const auto rows_by_dp = padded_tokens(layout.tokens_by_dp, parallel.attn_tp(), layout.padding);
    const auto rows = std::accumulate(rows_by_dp.begin(), rows_by_dp.end(), std::int64_t{0});
    // MPI counts elements, and the kernels index rows, in 32 bits.
    constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
    if (rows > kMost / std::max(one.hidden, one.top_k + 1)) {
        layout.obstacle = fmt::format(
            "{} rows of {} elements, with {} experts each: more than {} elements or choices", rows,
            one.hidden, one.top_k, kMost);
        return layout;
    }
    layout.row_map.emplace(parallel, layout.tokens_by_dp, layout.padding);
    return layout;
}

}  // namespace moe
