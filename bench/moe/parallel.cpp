#include "bench/moe/parallel.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moe {
namespace {

RowPartition own_rows(const Parallel& parallel, std::span<const std::int64_t> rows_by_dp) {
    std::vector<std::int64_t> rows;
    for (int rank = 0; rank < parallel.ranks; ++rank) {
        const auto of_dp = rows_by_dp[static_cast<std::size_t>(parallel.dp_index(rank))];
        rows.push_back(of_dp / parallel.attn_tp());
    }
    return RowPartition(rows);
}

}  // namespace

std::string Parallel::obstacle() const {
    if (dp < 1 || ranks % dp != 0) return fmt::format("dp {} does not divide {} ranks", dp, ranks);
    if (ep < 1 || ranks % ep != 0) return fmt::format("ep {} does not divide {} ranks", ep, ranks);
    return {};
}

Range split_evenly(std::int64_t size, int parts, int index) {
    return {size * index / parts, size * (index + 1) / parts};
}

Shard shard_of(const LayerShape& shape, const Parallel& parallel, int rank) {
    return {split_evenly(shape.experts, parallel.ep, parallel.ep_index(rank)),
            split_evenly(shape.intermediate, parallel.moe_tp(), parallel.moe_tp_index(rank)),
            split_evenly(shape.shared_intermediate, parallel.ranks, rank),
            (shape.experts + parallel.ep - 1) / parallel.ep};
}

std::vector<std::int64_t> padded_tokens(std::span<const std::int64_t> tokens_by_dp, int attn_tp,
                                        Padding padding) {
    std::vector<std::int64_t> rows;
    for (const auto tokens : tokens_by_dp) {
        rows.push_back((tokens + attn_tp - 1) / attn_tp * attn_tp);
    }
    if (padding == Padding::max_len) rows.assign(rows.size(), *std::ranges::max_element(rows));
    return rows;
}

RowMap::RowMap(const Parallel& parallel, std::span<const std::int64_t> tokens_by_dp,
               std::span<const std::int64_t> rows_by_dp)
    : owned_(own_rows(parallel, rows_by_dp)) {
    std::int64_t token = 0;
    for (std::size_t dp = 0; dp < tokens_by_dp.size(); ++dp) {
        for (std::int64_t row = 0; row < rows_by_dp[dp]; ++row) {
            token_of_row_.push_back(row < tokens_by_dp[dp] ? token + row : -1);
        }
        token += tokens_by_dp[dp];
    }
}

}  // namespace moe
