#include "bench/case/layout.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <variant>

namespace moe {
namespace {

/// A step as it is before ranks are padded to each other.
struct Step {
    std::vector<std::int64_t> rows_by_dp;
    bool graph{};  ///< an engine replays it from a graph
};

/// Pads decode rows to captured sizes. Above the largest no graph was captured, and the whole step
/// runs as it is. Engines replay one graph on all ranks, that of the rank with most rows.
Step padded_to_graphs(const Case& params, const CaseLayout& layout) {
    Step step{layout.tokens_by_dp, params.graph};
    if (!params.pads_to_graphs()) return step;
    const auto* engine = engine_of(params.padding);
    const auto sizes = params.graph_sizes.of_engine
                           ? engine->graphs->of_ranks(layout.parallel.ranks)
                           : params.graph_sizes.rows;
    const auto captured = [&](std::int64_t tokens) {
        return captured_rows(sizes, tokens, layout.parallel.attn_tp());
    };
    const auto most = std::ranges::max(step.rows_by_dp);
    const auto largest = captured(most);
    step.graph = largest.has_value() && most > 0;
    if (!step.graph) return step;
    for (auto& rows : step.rows_by_dp) {
        if (engine != nullptr) {
            rows = *largest;
        } else if (rows > 0) {
            rows = *captured(rows);
        }
    }
    return step;
}

Padding resolved_padding(const Case& params, const CaseLayout& layout, const Step& step) {
    const auto* engine = engine_of(params.padding);
    if (engine == nullptr) return std::get<Padding>(params.padding);
    MOE_EXPECT(params.phase || !padding_asks_for_phase(*engine), "the rule asks for the phase");
    const auto row_bytes = params.shape.hidden * static_cast<std::int64_t>(size_of(params.dtype));
    const auto phase = params.phase.value_or(StepPhase::decode);  // any, where none is asked for
    return engine_padding(*engine, {phase, step.graph, row_bytes}, step.rows_by_dp,
                          layout.parallel.attn_tp());
}

}  // namespace

CaseLayout lay_out(const Case& params, int ranks) {
    CaseLayout layout;
    layout.parallel = {ranks, static_cast<int>(params.dp), static_cast<int>(params.ep)};
    const auto& parallel = layout.parallel;
    layout.obstacle = parallel.obstacle();
    if (layout.obstacle.empty()) layout.obstacle = params.load.obstacle(parallel.dp);
    if (!layout.obstacle.empty()) return layout;

    layout.tokens_by_dp = params.load.deal(params.tokens, parallel.dp);
    const auto step = padded_to_graphs(params, layout);
    layout.padding = resolved_padding(params, layout, step);
    const auto rows_by_dp = padded_tokens(step.rows_by_dp, parallel.attn_tp(), layout.padding);
    const auto rows = std::accumulate(rows_by_dp.begin(), rows_by_dp.end(), std::int64_t{0});
    // MPI counts elements, and the kernels index rows, in 32 bits.
    constexpr std::int64_t kMax = std::numeric_limits<std::int32_t>::max();
    if (rows > kMax / std::max(params.shape.hidden, std::int64_t{params.shape.top_k} + 1)) {
        layout.obstacle = fmt::format(
            "{} rows of {} elements, with {} experts each: more than {} elements or choices", rows,
            params.shape.hidden, params.shape.top_k, kMax);
        return layout;
    }
    layout.row_map.emplace(parallel, layout.tokens_by_dp, rows_by_dp);
    return layout;
}

}  // namespace moe
