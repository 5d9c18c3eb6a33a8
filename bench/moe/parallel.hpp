#pragma once

#include "bench/engines/padding.hpp"
#include "bench/moe/shape.hpp"
#include "comm/row_partition.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// How one MoE layer lies over the ranks: attention is dp x attn_tp, the experts are ep x moe_tp.
/// rank = dp_index * attn_tp + a = ep_index * moe_tp + m.
struct Parallel {
    int ranks{1};
    int dp{1};
    int ep{1};

    [[nodiscard]] int attn_tp() const { return ranks / dp; }
    [[nodiscard]] int moe_tp() const { return ranks / ep; }
    [[nodiscard]] int dp_index(int rank) const { return rank / attn_tp(); }
    [[nodiscard]] int ep_index(int rank) const { return rank / moe_tp(); }
    [[nodiscard]] int moe_tp_index(int rank) const { return rank % moe_tp(); }
    /// Why the ranks cannot be laid out so; empty when they can.
    [[nodiscard]] std::string obstacle() const;
};

/// What one rank holds of the layer's weights. Sizes that do not divide are split as evenly as they
/// go, so that every topology computes the same layer.
struct Shard {
    Range experts;                ///< whole experts, split over ep
    Range intermediate;           ///< columns of each of them, split over moe_tp
    Range shared;                 ///< columns of the shared expert, split over all ranks
    std::int64_t most_experts{};  ///< whole ones on any rank
};
[[nodiscard]] Shard shard_of(const LayerShape& shape, const Parallel& parallel, int rank);

/// Part `index` of `parts` of [0, size), as even as it goes.
[[nodiscard]] Range split_evenly(std::int64_t size, int parts, int index);

/// Rows that each DP rank brings: its tokens rounded up to a multiple of attn_tp, or the most of
/// all of them.
[[nodiscard]] std::vector<std::int64_t> padded_tokens(std::span<const std::int64_t> tokens_by_dp,
                                                      int attn_tp, Padding padding);

/// The rows of one step: those of each DP rank, cut evenly over its attn_tp ranks.
class RowMap {
public:
    /// `rows_by_dp`: as many as each DP rank has tokens, or more, all multiples of attn_tp.
    RowMap(const Parallel& parallel, std::span<const std::int64_t> tokens_by_dp,
           std::span<const std::int64_t> rows_by_dp);
    RowMap(const Parallel& parallel, std::span<const std::int64_t> tokens_by_dp, Padding padding)
        : RowMap(parallel, tokens_by_dp, padded_tokens(tokens_by_dp, parallel.attn_tp(), padding)) {
    }

    [[nodiscard]] const RowPartition& owned() const { return owned_; }
    [[nodiscard]] std::int64_t rows() const { return owned_.total(); }
    /// Token index of each row, counted over all DP ranks; -1 for padding.
    [[nodiscard]] const std::vector<std::int64_t>& token_of_row() const { return token_of_row_; }

private:
    RowPartition owned_;
    std::vector<std::int64_t> token_of_row_;
};

}  // namespace moe
