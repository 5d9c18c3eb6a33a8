#include "bench/case/layout.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <variant>

namespace moe {
namespace {

Padding resolved_padding(const Case& one, const CaseLayout& layout) {
    if (const auto* fixed = std::get_if<Padding>(&one.padding)) return *fixed;
    MOE_EXPECT(one.phase.has_value(), "SGLang's rules ask for the phase of the step");
    const auto row_bytes = one.shape.hidden * static_cast<std::int64_t>(size_of(one.dtype));
    return sglang_padding(std::get<SglangVersion>(one.padding), {*one.phase, one.graph, row_bytes},
                          layout.tokens_by_dp, layout.parallel.attn_tp());
}

}  // namespace

CaseLayout lay_out(const Case& one, int ranks) {
    CaseLayout layout;
    layout.parallel = {ranks, static_cast<int>(one.dp), static_cast<int>(one.ep)};
    const auto& parallel = layout.parallel;
    layout.obstacle = parallel.obstacle();
    if (layout.obstacle.empty()) layout.obstacle = one.load.obstacle(parallel.dp);
    if (!layout.obstacle.empty()) return layout;

    layout.tokens_by_dp = one.load.deal(one.tokens, parallel.dp);
    layout.padding = resolved_padding(one, layout);
    const auto rows_by_dp = padded_tokens(layout.tokens_by_dp, parallel.attn_tp(), layout.padding);
    const auto rows = std::accumulate(rows_by_dp.begin(), rows_by_dp.end(), std::int64_t{0});
    // MPI counts elements, and the kernels index rows, in 32 bits.
    constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
    if (rows > kMost / std::max(one.shape.hidden, std::int64_t{one.shape.top_k} + 1)) {
        layout.obstacle = fmt::format(
            "{} rows of {} elements, with {} experts each: more than {} elements or choices", rows,
            one.shape.hidden, one.shape.top_k, kMost);
        return layout;
    }
    layout.row_map.emplace(parallel, layout.tokens_by_dp, layout.padding);
    return layout;
}

}  // namespace moe
