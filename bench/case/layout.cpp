#include "bench/case/layout.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <variant>

namespace moe {
Padding resolved_padding(const Case& params, std::span<const std::int64_t> tokens_by_dp,
                         int attn_tp) {
    if (const auto* fixed = std::get_if<Padding>(&params.padding)) return *fixed;
    MOE_EXPECT(params.phase.has_value(), "SGLang's rules ask for the phase of the step");
    const auto row_bytes = params.shape.hidden * static_cast<std::int64_t>(size_of(params.dtype));
    return sglang_padding(std::get<SglangVersion>(params.padding),
                          {*params.phase, params.graph, row_bytes}, tokens_by_dp, attn_tp);
}

CaseLayout lay_out(const Case& params, int ranks) {
    CaseLayout layout;
    layout.parallel = {ranks, static_cast<int>(params.dp), static_cast<int>(params.ep)};
    const auto& parallel = layout.parallel;
    layout.obstacle = parallel.obstacle();
    if (layout.obstacle.empty()) layout.obstacle = params.load.obstacle(parallel.dp);
    if (!layout.obstacle.empty()) return layout;

    layout.tokens_by_dp = params.load.deal(params.tokens, parallel.dp);
    layout.padding = resolved_padding(params, layout.tokens_by_dp, parallel.attn_tp());
    const auto rows_by_dp = padded_tokens(layout.tokens_by_dp, parallel.attn_tp(), layout.padding);
    const auto rows = std::accumulate(rows_by_dp.begin(), rows_by_dp.end(), std::int64_t{0});
    // MPI counts elements, and the kernels index rows, in 32 bits.
    constexpr std::int64_t kMax = std::numeric_limits<std::int32_t>::max();
    if (rows > kMax / std::max(params.shape.hidden, std::int64_t{params.shape.top_k} + 1)) {
        layout.obstacle = fmt::format(
            "{} rows of {} elements, with {} experts each: more than {} elements or choices", rows,
            params.shape.hidden, params.shape.top_k, kMax);
        return layout;
    }
    layout.row_map.emplace(parallel, layout.tokens_by_dp, layout.padding);
    return layout;
}

}  // namespace moe
