// Loads, topologies, row maps, the gate and the synthetic model, as tables of hand-worked cases.
#include "bench/moe/layer_weights.hpp"
#include "bench/moe/load.hpp"
#include "bench/moe/parallel.hpp"
#include "bench/moe/sglang_gate.hpp"
#include "bench/moe/shape.hpp"
#include "bench/moe/synthetic.hpp"
#include "bench/verify/reference.hpp"
#include "kernels/runtime/error.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>
#include <vector>

namespace moe {
namespace {

using Counts = std::vector<std::int64_t>;

TEST(Load, DealsAsWorkedByHand) {
    struct Row {
        const char* load;
        std::int64_t tokens;
        int dp;
        Counts want;
    };
    for (const auto& row : {
             Row{"balanced", 8, 4, {2, 2, 2, 2}},
             Row{"balanced", 10, 4, {3, 3, 2, 2}},  // what is left goes to the lowest
             Row{"balanced", 2, 4, {1, 1, 0, 0}},
             Row{"balanced", 0, 3, {0, 0, 0}},
             Row{"hot", 7, 3, {7, 0, 0}},
             Row{"hot", 5, 1, {5}},
             Row{"counts:8;7;6;0", 21, 4, {8, 7, 6, 0}},
             Row{"counts:8;7;6;0", 42, 4, {16, 14, 12, 0}},
             Row{"counts:8;7;6;0", 10, 4, {4, 3, 3, 0}},  // 3.81 3.33 2.86
             Row{"counts:1;1;1", 8, 3, {3, 3, 2}},
             Row{"counts:0;5", 9, 2, {0, 9}},
         }) {
        EXPECT_EQ(Load(row.load).deal(row.tokens, row.dp), row.want)
            << row.load << " " << row.tokens;
    }
}

TEST(Load, DealsExactlyTheTokensWhateverTheSizes) {
    for (const auto* text : {"balanced", "hot", "counts:1;2;3;5;7"}) {
        for (const std::int64_t tokens : {0, 1, 7, 64, 1000003}) {
            const auto dealt = Load(text).deal(tokens, 5);
            EXPECT_EQ(std::accumulate(dealt.begin(), dealt.end(), std::int64_t{0}), tokens);
            for (const auto share : dealt) EXPECT_GE(share, 0);
        }
    }
}

TEST(Load, RefusesWhatIsNoLoad) {
    for (const auto* text : {"", "even", "balanced ", "counts:", "counts:1;;2", "counts:1;x",
                             "counts:-1;2", "counts:0;0", "counts:1,2", "counts:99999999999"}) {
        EXPECT_THROW(Load{text}, BadArgument) << text;
    }
    EXPECT_EQ(Load("counts:1;2").obstacle(2), "");
    EXPECT_EQ(Load("counts:1;2").obstacle(4), "load counts:1;2 has 2 shares, but dp is 4");
    EXPECT_EQ(Load("hot").obstacle(4), "");
}

TEST(Parallel, PlacesRanksAsDocumented) {
    const Parallel p{8, 4, 2};  // attn_tp 2, moe_tp 4
    EXPECT_EQ(p.attn_tp(), 2);
    EXPECT_EQ(p.moe_tp(), 4);
    for (int rank = 0; rank < 8; ++rank) {
        EXPECT_EQ(p.dp_index(rank), rank / 2);
        EXPECT_EQ(rank, p.ep_index(rank) * p.moe_tp() + p.moe_tp_index(rank));
    }
    EXPECT_EQ(p.obstacle(), "");
    EXPECT_EQ((Parallel{6, 4, 2}.obstacle()), "dp 4 does not divide 6 ranks");
    EXPECT_EQ((Parallel{6, 3, 4}.obstacle()), "ep 4 does not divide 6 ranks");
}

TEST(Parallel, ShardsCoverTheLayerExactlyOnce) {
    const LayerShape shape{64, 10, 2, 7, 5, Scoring::softmax, false};
    for (int ranks = 1; ranks <= 12; ++ranks) {
        for (int ep = 1; ep <= ranks; ++ep) {
            if (ranks % ep != 0) continue;
            const Parallel parallel{ranks, ranks, ep};
            std::vector<int> routed(static_cast<std::size_t>(10 * 7));
            std::vector<int> shared(5);
            for (int rank = 0; rank < ranks; ++rank) {
                const auto shard = shard_of(shape, parallel, rank);
                for (auto e = shard.experts.first; e < shard.experts.last; ++e) {
                    for (auto i = shard.intermediate.first; i < shard.intermediate.last; ++i) {
                        ++routed[static_cast<std::size_t>(e * 7 + i)];
                    }
                }
                for (auto i = shard.shared.first; i < shard.shared.last; ++i) {
                    ++shared[static_cast<std::size_t>(i)];
                }
            }
            EXPECT_EQ(routed, std::vector<int>(70, 1)) << ranks << " ranks, ep " << ep;
            EXPECT_EQ(shared, std::vector<int>(5, 1)) << ranks << " ranks";
        }
    }
}

TEST(RowMap, RoundsUpToAttentionRanksAndNumbersTheTokens) {
    const Counts tokens{3, 0, 2};
    const RowMap map(Parallel{6, 3, 6}, tokens);  // attn_tp 2
    EXPECT_EQ(map.rows(), 4 + 0 + 2);
    EXPECT_EQ(map.token_of_row(), (Counts{0, 1, 2, -1, 3, 4}));
    const Counts want{2, 2, 0, 0, 1, 1};
    for (int rank = 0; rank < 6; ++rank) {
        EXPECT_EQ(map.owned().rows(rank), want[static_cast<std::size_t>(rank)]);
    }
}

TEST(SglangGate, TakesThePathOfItsSource) {
    struct Row {
        Parallel parallel;
        const char* want;
    };
    for (const auto& [parallel, want] : {
             Row{{4, 4, 4}, "reduce_scatterv"},
             Row{{2, 2, 2}, "reduce_scatterv"},
             Row{{1, 1, 1}, "all_reduce_dp_scatter: dp is 1"},
             Row{{4, 1, 4}, "all_reduce_dp_scatter: dp is 1"},
             Row{{4, 4, 2}, "all_reduce_dp_scatter: ep 2 is not dp 4"},
             Row{{4, 4, 1}, "all_reduce_dp_scatter: ep 1 is not dp 4"},
             Row{{8, 4, 4}, "all_reduce_dp_scatter: 8 ranks are not dp 4"},
         }) {
        EXPECT_EQ(sglang_path(parallel), want);
    }
}

TEST(Shape, ScalesExpertsOrSaysWhyNot) {
    const LayerShape shape{8, 128, 8, 4, 0, Scoring::softmax, false};
    EXPECT_EQ(scale_experts(shape, 4).experts, 32);
    EXPECT_EQ(scale_experts(shape, 16).experts, 8);
    for (const int factor : {0, -1, 3, 32, 128}) {
        EXPECT_THROW((void)scale_experts(shape, factor), BadArgument) << factor;
    }
    auto wrong = shape;
    wrong.top_k = 129;
    EXPECT_THROW(check_shape(wrong), BadArgument);
    wrong.top_k = 128;
    EXPECT_NO_THROW(check_shape(wrong));
}

TEST(Synthetic, DependsOnSeedAndIndexAlone) {
    const LayerShape shape{32, 4, 2, 16, 16, Scoring::softmax, false};
    const Synthetic one(shape, 1);
    std::vector<float> a(32), b(32), part(8), whole(16);
    one.token(5, a);
    Synthetic(shape, 1).token(5, b);
    EXPECT_EQ(a, b);
    one.token(6, b);
    EXPECT_NE(a, b);
    Synthetic(shape, 2).token(5, b);
    EXPECT_NE(a, b);
    // A slice of columns is that slice, however the matrix is cut over ranks.
    one.down(3, 2, 0, whole);
    one.down(3, 2, 8, part);
    EXPECT_EQ(part, std::vector<float>(whole.begin() + 8, whole.end()));
}

TEST(Synthetic, RouterLogitsAreExactInF32) {
    const LayerShape shape{4096, 16, 4, 8, 0, Scoring::softmax, false};
    const Synthetic synthetic(shape, 3);
    std::vector<float> x(4096), w(4096);
    for (std::int64_t token = 0; token < 8; ++token) {
        synthetic.token(token, x);
        for (std::int64_t e = 0; e < shape.experts; ++e) {
            synthetic.router(e, w);
            double exact = 0;
            float forward = 0, backward = 0;
            for (std::size_t i = 0; i < x.size(); ++i) {
                exact += static_cast<double>(x[i]) * static_cast<double>(w[i]);
                forward += x[i] * w[i];
                backward += x[x.size() - 1 - i] * w[x.size() - 1 - i];
            }
            EXPECT_EQ(static_cast<double>(forward), exact);
            EXPECT_EQ(forward, backward);
        }
    }
}

TEST(Synthetic, SpreadsTokensOverAllExperts) {
    const LayerShape shape{256, 16, 2, 8, 0, Scoring::softmax, false};
    LayerReference reference(shape, {1, 1, 1}, 1);
    std::vector<int> hits(16);
    constexpr int kTokens = 800;
    for (std::int64_t token = 0; token < kTokens; ++token) {
        for (const auto e : reference.route(token).experts) ++hits[static_cast<std::size_t>(e)];
    }
    for (const int count : hits) {  // 100 expected, deviation 10 for even odds
        EXPECT_GT(count, 40);
        EXPECT_LT(count, 180);
    }
}

TEST(LayerWeights, AreCopiedUntilTheyAreColdInTheCache) {
    constexpr std::size_t kMiB = 1U << 20U;
    EXPECT_EQ(LayerWeights::cold_copies(100 * kMiB, 32 * kMiB), 1);
    EXPECT_EQ(LayerWeights::cold_copies(64 * kMiB, 32 * kMiB), 1);
    EXPECT_EQ(LayerWeights::cold_copies(10 * kMiB, 32 * kMiB), 7);
    EXPECT_EQ(LayerWeights::cold_copies(0, 32 * kMiB), 1);
}

}  // namespace
}  // namespace moe
