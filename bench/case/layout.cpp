#include "bench/case/layout.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <variant>

namespace moe {
namespace {

/// Pads decode rows to captured sizes, and says whether an engine replays the step from a graph.
/// Above the largest size no graph was captured, and the whole step runs as it is. Engines replay
/// one graph on all ranks, that of the rank with most rows.
bool pad_to_graphs(const Case& params, const Parallel& parallel, std::vector<std::int64_t>& rows) {
    if (!params.pads_to_graphs()) return params.graph;
    const auto* engine = engine_of(params.padding);
    const auto sizes = params.graph_sizes.of_engine ? engine->graphs->of_ranks(parallel.ranks)
                                                    : params.graph_sizes.rows;
    const auto captured = [&](std::int64_t tokens) {
        return captured_rows(sizes, tokens, parallel.attn_tp());
    };
    const auto most = std::ranges::max(rows);
    const auto largest = captured(most);
    if (!largest || most == 0) return false;
    for (auto& count : rows) {
        if (engine != nullptr) {
            count = *largest;
        } else if (count > 0) {
            count = *captured(count);
        }
    }
    return true;
}

}  // namespace

PaddedStep padded_step(const Case& params, std::vector<std::int64_t> tokens_by_dp,
                       const Parallel& parallel) {
    const bool graph = pad_to_graphs(params, parallel, tokens_by_dp);
    const auto padding = [&] {
        const auto* engine = engine_of(params.padding);
        if (engine == nullptr) return std::get<Padding>(params.padding);
        MOE_EXPECT(params.phase || !padding_asks_for_phase(*engine), "the rule asks for the phase");
        const auto row_bytes =
            params.shape.hidden * static_cast<std::int64_t>(size_of(params.dtype));
        const auto phase =
            params.phase.value_or(StepPhase::decode);  // any, where none is asked for
        return engine_padding(*engine, {phase, graph, row_bytes}, tokens_by_dp, parallel.attn_tp());
    }();
    return {padded_tokens(tokens_by_dp, parallel.attn_tp(), padding), padding};
}

CaseLayout lay_out(const Case& params, int ranks) {
    CaseLayout layout;
    layout.parallel = {ranks, static_cast<int>(params.dp), static_cast<int>(params.ep)};
    const auto& parallel = layout.parallel;
    layout.obstacle = parallel.obstacle();
    if (layout.obstacle.empty()) layout.obstacle = params.load.obstacle(parallel.dp);
    if (!layout.obstacle.empty()) return layout;

    layout.tokens_by_dp = params.load.deal(params.tokens, parallel.dp);
    const auto [rows_by_dp, padding] = padded_step(params, layout.tokens_by_dp, parallel);
    layout.padding = padding;
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
