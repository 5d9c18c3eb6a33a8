// Topologies, row maps and the synthetic model, as tables of hand-worked cases.
#include "bench/moe/layer_weights.hpp"
#include "bench/moe/parallel.hpp"
#include "bench/moe/popularity.hpp"
#include "bench/moe/shape.hpp"
#include "bench/moe/synthetic.hpp"
#include "bench/verify/reference.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>
#include <vector>

namespace moe {
namespace {

using Counts = std::vector<std::int64_t>;

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
    const RowMap map(Parallel{6, 3, 6}, tokens, Padding::sum_len);  // attn_tp 2
    EXPECT_EQ(map.rows(), 4 + 0 + 2);
    EXPECT_EQ(map.token_of_row(), (Counts{0, 1, 2, -1, 3, 4}));
    const Counts want{2, 2, 0, 0, 1, 1};
    for (int rank = 0; rank < 6; ++rank) {
        EXPECT_EQ(map.owned().rows(rank), want[static_cast<std::size_t>(rank)]);
    }
}

TEST(RowMap, PadsEveryDpRankToTheLongest) {
    const Counts tokens{3, 0, 2};
    const RowMap map(Parallel{6, 3, 6}, tokens, Padding::max_len);  // attn_tp 2
    EXPECT_EQ(map.rows(), 12);
    EXPECT_TRUE(map.owned().even());
    EXPECT_EQ(map.token_of_row(), (Counts{0, 1, 2, -1, -1, -1, -1, -1, 3, 4, -1, -1}));
}

TEST(Routing, IsParsedOrRefused) {
    EXPECT_EQ(parse_routing("uniform"), 0);
    EXPECT_EQ(parse_routing("zipf:1.25"), 1.25);
    for (const auto* text : {"", "zipf", "zipf:0", "zipf:x", "hot", "uniform:1"}) {
        EXPECT_THROW((void)parse_routing(text), BadArgument) << text;
    }
}

double sum_of(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

TEST(Popularity, IsZipfsLawUpToTheMostThatARouterCanGive) {
    LayerShape shape{64, 4, 1, 8, 0, Scoring::softmax, false, 1};
    auto popularity = expert_popularity(shape, 5);
    std::ranges::sort(popularity, std::greater{});
    constexpr double kSum = 1 + 1 / 2. + 1 / 3. + 1 / 4.;
    for (std::size_t i = 0; i < popularity.size(); ++i) {
        EXPECT_NEAR(popularity[i], 1 / kSum / static_cast<double>(i + 1), 1e-12);
    }
    shape.top_k = 3;  // 3/kSum of the first is more than all tokens: its rest goes to the others
    popularity = expert_popularity(shape, 5);
    EXPECT_NEAR(sum_of(popularity), 3, 1e-12);
    for (const double share : popularity) EXPECT_LE(share, kMaxPopularity);
    shape.top_k = 4;
    EXPECT_EQ(expert_popularity(shape, 5), (std::vector<double>{1, 1, 1, 1}));
    EXPECT_NE(expert_popularity({64, 64, 4, 8, 0, Scoring::softmax, false, 1}, 5),
              expert_popularity({64, 64, 4, 8, 0, Scoring::softmax, false, 1}, 6));
}

TEST(LayerReference, SaysAfterEachMlpThatItAdvances) {
    const LayerShape shape{64, 8, 3, 16, 8, Scoring::softmax, false, 0};
    LayerReference reference(shape, {1, 1, 1}, DType::f32, 1);
    int calls = 0;
    static_cast<void>(reference.row(5, [&] { ++calls; }));
    EXPECT_GE(calls, 3);
}

TEST(Popularity, IsWhatTheRouterGives) {
    const LayerShape shape{256, 64, 4, 8, 0, Scoring::softmax, false, 1};
    LayerReference reference(shape, {1, 1, 1}, DType::f32, 1);
    std::vector<double> hits(64);
    constexpr int kTokens = 3000;
    for (std::int64_t token = 0; token < kTokens; ++token) {
        for (const auto e : reference.route(token).experts) ++hits[static_cast<std::size_t>(e)];
    }
    std::ranges::sort(hits, std::greater{});
    auto wanted = expert_popularity(shape, 0);  // the order apart, the same for every seed
    std::ranges::sort(wanted, std::greater{});
    for (std::size_t i = 0; i < 8; ++i) {
        EXPECT_NEAR(hits[i] / kTokens / wanted[i], 1, 0.2) << i;
    }
    const double rare = std::accumulate(hits.begin() + 32, hits.end(), 0.0) / kTokens;
    const double wanted_rare = std::accumulate(wanted.begin() + 32, wanted.end(), 0.0);
    EXPECT_NEAR(rare / wanted_rare, 1, 0.3);
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
    const Synthetic synthetic(shape, 1);
    std::vector<float> a(32), b(32), part(8), whole(16);
    synthetic.token(5, a);
    Synthetic(shape, 1).token(5, b);
    EXPECT_EQ(a, b);
    synthetic.token(6, b);
    EXPECT_NE(a, b);
    Synthetic(shape, 2).token(5, b);
    EXPECT_NE(a, b);
    // A slice of columns is that slice, however the matrix is cut over ranks.
    synthetic.down(3, 2, 0, whole);
    synthetic.down(3, 2, 8, part);
    EXPECT_EQ(part, std::vector<float>(whole.begin() + 8, whole.end()));
}

TEST(Synthetic, LayersShareTokensAndNothingElse) {
    const LayerShape shape{32, 4, 2, 16, 16, Scoring::softmax, true, 1.5};
    const Synthetic first(shape, 1, 0);
    const Synthetic second(shape, 1, 1);
    std::vector<float> a(32), b(32);
    const auto differ = [&](auto fill) {
        fill(first, a);
        fill(second, b);
        return a != b;
    };
    EXPECT_FALSE(differ([](const Synthetic& s, auto& to) { s.token(5, to); }));
    EXPECT_TRUE(differ([](const Synthetic& s, auto& to) { s.router(1, to); }));
    EXPECT_TRUE(differ([](const Synthetic& s, auto& to) { s.shared_gate(to); }));
    EXPECT_TRUE(differ([](const Synthetic& s, auto& to) { s.gate(1, 2, to); }));
    EXPECT_TRUE(differ([](const Synthetic& s, auto& to) { s.up(1, 2, to); }));
    EXPECT_TRUE(differ([](const Synthetic& s, auto& to) { s.down(1, 2, 0, to); }));
    EXPECT_NE(first.router_bias(), second.router_bias());
}

TEST(Models, HaveTheSizesThatTheirSourcesSay) {
    std::set<std::string_view> names;
    for (const auto& model : model_table()) {
        EXPECT_TRUE(names.insert(model.name).second) << model.name;
        EXPECT_NO_THROW(check_shape(model.shape)) << model.name;
        EXPECT_FALSE(model.source.empty()) << model.name;
        for (const char c : model.name) EXPECT_FALSE(c >= 'A' && c <= 'Z') << model.name;
    }
    struct Row {
        const char* name;
        // hidden, experts, top-k, intermediate, shared, MoE layers
        std::vector<std::int64_t> sizes;
        std::string scoring;  ///< and whether the shared expert is gated
    };
    const std::vector<Row> published{
        {"qwen3-30b-a3b", {2048, 128, 8, 768, 0, 48}, "softmax"},
        {"qwen3-235b-a22b", {4096, 128, 8, 1536, 0, 94}, "softmax"},
        {"qwen3-coder-480b-a35b", {6144, 160, 8, 2560, 0, 62}, "softmax"},
        {"qwen3.5-35b-a3b", {2048, 256, 8, 512, 512, 40}, "softmax gated"},
        {"qwen3.5-122b-a10b", {3072, 256, 8, 1024, 1024, 48}, "softmax gated"},
        {"qwen3.5-397b-a17b", {4096, 512, 10, 1024, 1024, 60}, "softmax gated"},
        {"deepseek-v3", {7168, 256, 8, 2048, 2048, 58}, "sigmoid"},
        {"deepseek-r1", {7168, 256, 8, 2048, 2048, 58}, "sigmoid"},
        {"deepseek-v3.2", {7168, 256, 8, 2048, 2048, 58}, "sigmoid"},
        {"deepseek-v4-pro", {7168, 384, 6, 3072, 3072, 61}, "sqrtsoftplus"},
        {"deepseek-v4-flash", {4096, 256, 6, 2048, 2048, 43}, "sqrtsoftplus"},
        {"kimi-k2", {7168, 384, 8, 2048, 2048, 60}, "sigmoid"},
        {"kimi-k2.5", {7168, 384, 8, 2048, 2048, 60}, "sigmoid"},
        {"glm-4.5", {5120, 160, 8, 1536, 1536, 89}, "sigmoid"},
        {"glm-4.5-air", {4096, 128, 8, 1408, 1408, 45}, "sigmoid"},
        {"glm-4.7", {5120, 160, 8, 1536, 1536, 89}, "sigmoid"},
        {"glm-5", {6144, 256, 8, 2048, 2048, 75}, "sigmoid"},
        {"glm-5.2", {6144, 256, 8, 2048, 2048, 75}, "sigmoid"},
        {"gpt-oss-120b", {2880, 128, 4, 2880, 0, 36}, "softmax"},
        {"gpt-oss-20b", {2880, 32, 4, 2880, 0, 24}, "softmax"},
        {"mixtral-8x7b", {4096, 8, 2, 14336, 0, 32}, "softmax"},
        {"mixtral-8x22b", {6144, 8, 2, 16384, 0, 56}, "softmax"},
        {"llama-4-maverick", {5120, 128, 1, 8192, 8192, 24}, "sigmoid"},
        {"llama-4-scout", {5120, 16, 1, 8192, 8192, 48}, "sigmoid"},
        {"minimax-m2", {3072, 256, 8, 1536, 0, 62}, "sigmoid"},
        {"minimax-m2.5", {3072, 256, 8, 1536, 0, 62}, "sigmoid"}};
    EXPECT_EQ(names.size(), published.size() + 1) << "custom, and those below";
    for (const auto& [name, sizes, scoring] : published) {
        const auto model = std::ranges::find(model_table(), name, &ModelPreset::name);
        ASSERT_NE(model, model_table().end()) << name;
        const auto& s = model->shape;
        EXPECT_EQ((std::vector<std::int64_t>{s.hidden, s.experts, s.top_k, s.intermediate,
                                             s.shared_intermediate, model->moe_layers}),
                  sizes)
            << name;
        EXPECT_EQ(fmt::format("{}{}", to_string(s.scoring), s.shared_gate ? " gated" : ""), scoring)
            << name;
    }
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
    LayerReference reference(shape, {1, 1, 1}, DType::f32, 1);
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
