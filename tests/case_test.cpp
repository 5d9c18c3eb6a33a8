// Cases laid out on ranks, as tables of hand-worked ones, and the ids of published ones.
#include "bench/case/layout.hpp"
#include "bench/sweep/axes.hpp"
#include "bench/sweep/case_texts.hpp"
#include "bench/sweep/cases.hpp"
#include "tests/command_lines.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moe {
namespace {

using Counts = std::vector<std::int64_t>;
constexpr auto kSum = Padding::sum_len;
constexpr auto kMax = Padding::max_len;
const EngineRules* const k22 = &find_engine_rules("sglang-0.5.22");
const EngineRules* const k23 = &find_engine_rules("sglang-0.5.23");
constexpr auto kPrefill = StepPhase::prefill;
constexpr auto kDecode = StepPhase::decode;
constexpr auto kMixed = StepPhase::mixed;

Case case_of(PaddingRule padding, std::optional<StepPhase> phase, std::string_view load,
             std::int64_t tokens) {
    Case params;
    params.shape.hidden = 64;
    params.shape.top_k = 2;
    params.gather = gather_table().front();
    params.dp = 4;
    params.ep = 4;
    params.padding = padding;
    params.phase = phase;
    params.load = Load(load);
    params.tokens = tokens;
    return params;
}

TEST(CaseLayout, DealsThenPads) {
    struct Row {
        Case params;
        Counts tokens;
        Padding padding;
        std::int64_t rows;
    };
    for (const auto& [params, tokens, padding, rows] : {
             Row{case_of(kSum, {}, "hot", 7), {7, 0, 0, 0}, kSum, 7},
             Row{case_of(kMax, {}, "hot", 7), {7, 0, 0, 0}, kMax, 28},
             Row{case_of(kSum, {}, "idle:2", 7), {4, 3, 0, 0}, kSum, 7},
             Row{case_of(kMax, {}, "idle:2", 7), {4, 3, 0, 0}, kMax, 16},
             Row{case_of(kMax, kMixed, "mixed:9:2", 15), {9, 2, 2, 2}, kMax, 36},
             Row{case_of(k22, kPrefill, "balanced", 8), {2, 2, 2, 2}, kSum, 8},
             Row{case_of(k22, kDecode, "balanced", 9), {3, 2, 2, 2}, kMax, 12},
             Row{case_of(k22, kDecode, "hot", 7), {7, 0, 0, 0}, kSum, 7},
             Row{case_of(k22, kDecode, "counts:8;7;6;0", 21), {8, 7, 6, 0}, kMax, 32},
             Row{case_of(k22, kMixed, "balanced", 8), {2, 2, 2, 2}, kSum, 8},
             Row{case_of(k22, kMixed, "mixed:9:2", 15), {9, 2, 2, 2}, kSum, 15},
             Row{case_of(k23, kPrefill, "balanced", 8), {2, 2, 2, 2}, kSum, 8},
             Row{case_of(k23, kDecode, "balanced", 9), {3, 2, 2, 2}, kSum, 9},
             Row{case_of(k23, kDecode, "hot", 7), {7, 0, 0, 0}, kSum, 7},
             Row{case_of(k23, kDecode, "idle:1", 21), {7, 7, 7, 0}, kMax, 28},
             Row{case_of(k23, kMixed, "mixed:9:2", 15), {9, 2, 2, 2}, kSum, 15},
             // Rows of 64 elements of f32: 65536 are 16 MiB.
             Row{case_of(k23, kDecode, "balanced", 65535),
                 {16384, 16384, 16384, 16383},
                 kSum,
                 65535},
             Row{case_of(k23, kDecode, "balanced", 65537),
                 {16385, 16384, 16384, 16384},
                 kMax,
                 65540},
         }) {
        const auto layout = lay_out(params, 4);
        EXPECT_EQ(layout.obstacle, "");
        EXPECT_EQ(layout.tokens_by_dp, tokens);
        EXPECT_EQ(layout.padding, padding);
        ASSERT_TRUE(layout.row_map.has_value());
        EXPECT_EQ(layout.row_map->rows(), rows);
    }
}

TEST(CaseLayout, OfADecodeStepInAGraphFollowsTheVersion) {
    struct Row {
        Case params;
        DType dtype;
        Padding padding;
    };
    for (const auto& [params, dtype, padding] : {
             Row{case_of(k22, kDecode, "hot", 7), DType::bf16, Padding::max_len},
             Row{case_of(k22, kPrefill, "hot", 7), DType::bf16, Padding::sum_len},
             Row{case_of(k23, kDecode, "hot", 7), DType::bf16, Padding::max_len},
             Row{case_of(k23, kDecode, "balanced", 9), DType::bf16, Padding::sum_len},
             Row{case_of(k23, kDecode, "balanced", 65537), DType::bf16, Padding::sum_len},
             Row{case_of(k23, kDecode, "balanced", 65537), DType::f32, Padding::max_len},
             Row{case_of(k23, kMixed, "mixed:9:2", 15), DType::bf16, Padding::sum_len},
             Row{case_of(kSum, {}, "hot", 7), DType::bf16, Padding::sum_len},
         }) {
        auto in_graph = params;
        in_graph.graph = true;
        in_graph.dtype = dtype;
        EXPECT_EQ(lay_out(in_graph, 4).padding, padding) << label_of(in_graph);
    }
}

TEST(CaseLayout, RoundsUpToAttentionRanksBeforeSglangsRule) {
    auto params = case_of(k23, kDecode, "balanced", 65536);
    params.dtype = DType::f32;
    EXPECT_EQ(lay_out(params, 8).padding, Padding::sum_len) << "16 MiB";
    params.load = Load("counts:16385;16383;16383;16385");
    EXPECT_EQ(lay_out(params, 4).padding, Padding::sum_len);
    EXPECT_EQ(lay_out(params, 8).padding, Padding::max_len) << "65540 rows with attn_tp 2";
}

TEST(CaseLayout, SaysWhatDoesNotFit) {
    const auto obstacle = [](const Case& params, int ranks) {
        const auto layout = lay_out(params, ranks);
        EXPECT_FALSE(layout.row_map.has_value());
        return layout.obstacle;
    };
    EXPECT_EQ(obstacle(case_of(kSum, {}, "balanced", 8), 6), "dp 4 does not divide 6 ranks");
    EXPECT_EQ(obstacle(case_of(kSum, {}, "counts:1;2", 8), 4),
              "load counts:1;2 has 2 shares, but dp is 4");
    EXPECT_EQ(obstacle(case_of(k23, kDecode, "idle:4", 8), 4),
              "load idle:4 leaves no DP rank with tokens, dp is 4");
    constexpr std::int64_t kTokens = 1 << 24;
    EXPECT_EQ(obstacle(case_of(kMax, kMixed, "mixed:16777216:16777216", 4 * kTokens), 4),
              "67108864 rows of 64 elements, with 2 experts each: more than 2147483647 elements or "
              "choices");
    EXPECT_TRUE(lay_out(case_of(kSum, {}, "hot", kTokens), 4).row_map.has_value());
    EXPECT_EQ(obstacle(case_of(kMax, {}, "hot", kTokens), 4),
              "67108864 rows of 64 elements, with 2 experts each: more than 2147483647 elements or "
              "choices");
}

/// A line for each case: what steps differ in.
std::vector<std::string> steps_of(const std::string& command, int ranks) {
    std::vector<std::string> steps;
    for (const auto& params : cases_of(command, ranks)) {
        steps.push_back(fmt::format("dp {} {} {} {} {}", params.dp, to_string(params.padding),
                                    params.phase ? to_string(*params.phase) : "-",
                                    params.load.text(), params.tokens));
    }
    return steps;
}

TEST(Cases, OfAMixedLoadAreOneForEachDp) {
    using Steps = std::vector<std::string>;
    EXPECT_EQ(steps_of("--load mixed:512:8,hot --tokens 4,64 --dp 1,3", 3),
              (Steps{"dp 1 sum_len mixed mixed:512:8 512", "dp 1 sum_len - hot 4",
                     "dp 1 sum_len - hot 64", "dp 3 sum_len mixed mixed:512:8 528",
                     "dp 3 sum_len - hot 4", "dp 3 sum_len - hot 64"}));
    EXPECT_EQ(steps_of("--load mixed:512:8,hot --tokens 4 --padding sglang,max_len", 3),
              (Steps{"dp 3 sglang:0.5.23 mixed mixed:512:8 528", "dp 3 sglang:0.5.23 prefill hot 4",
                     "dp 3 sglang:0.5.23 decode hot 4", "dp 3 max_len mixed mixed:512:8 528",
                     "dp 3 max_len - hot 4"}));
    EXPECT_EQ(steps_of("--load mixed:9:0 --padding sglang:0.5.22 --phase decode,mixed", 2),
              (Steps{"dp 2 sglang:0.5.22 mixed mixed:9:0 9"}));
    EXPECT_EQ(steps_of("--load idle:1 --tokens 4 --padding sglang --phase mixed", 2),
              (Steps{"dp 2 sglang:0.5.23 mixed idle:1 4"}));
}

TEST(Cases, OfCollectiveXHaveTheTokensOfItsLaddersForEachDpRank) {
    const auto tokens = [](const std::string& command, int ranks) {
        std::vector<std::int64_t> found;
        for (const auto& params : cases_of("--load hot --tokens collectivex " + command, ranks)) {
            found.push_back(params.tokens);
        }
        return found;
    };
    using Tokens = std::vector<std::int64_t>;
    const Tokens decode{1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
    const Tokens prefill{1024, 2048, 4096, 8192};
    auto both = decode;
    both.insert(both.end(), prefill.begin(), prefill.end());
    EXPECT_EQ(tokens("", 1), both);
    EXPECT_EQ(tokens("--phase decode", 1), decode);
    EXPECT_EQ(tokens("--phase prefill", 4), (Tokens{4096, 8192, 16384, 32768}));
    EXPECT_EQ(tokens("--phase prefill --dp 1,2", 4),
              (Tokens{1024, 2048, 4096, 8192, 2048, 4096, 8192, 16384}));
    const auto by_phase = cases_of("--load hot --tokens collectivex --padding sglang", 1);
    ASSERT_EQ(by_phase.size(), both.size());
    for (const auto& params : by_phase) {
        EXPECT_EQ(*params.phase, params.tokens <= 512 ? kDecode : kPrefill) << params.tokens;
    }
    EXPECT_FALSE(cases_of("--load hot --tokens collectivex --phase decode", 1).front().phase)
        << "the same cases, and ids, as of the numbers";
    EXPECT_THROW((void)tokens("--phase mixed", 1), BadArgument);
    EXPECT_THROW((void)cases_of("--tokens 4,collectivex", 1), BadArgument);
}

TEST(Cases, NameARuleByItsEngineAndVersion) {
    const auto paddings = [](const std::string& list) {
        std::vector<PaddingRule> found;
        const auto command = "--load hot --tokens 4 --padding " + list;
        for (const auto& params : cases_of(command, 2)) {
            if (params.phase != kPrefill) found.push_back(params.padding);
        }
        return found;
    };
    using Rules = std::vector<PaddingRule>;
    EXPECT_EQ(paddings("sglang"), (Rules{k23}));
    EXPECT_EQ(paddings("sglang:0.5.23,sglang"), (Rules{k23})) << "twice the same";
    EXPECT_EQ(paddings("sglang,sglang:0.5.22"), (Rules{k23, k22}));
    EXPECT_EQ(paddings("vllm:0.33,vllm"), (Rules{&find_engine_rules("vllm-0.33")}));
    EXPECT_THROW((void)paddings("sglang:0.5.24"), BadArgument);
    EXPECT_THROW((void)paddings("tensorrt-llm"), BadArgument) << "its rule is not known";
    EXPECT_THROW((void)paddings("sglang:"), BadArgument);
}

TEST(Cases, GateTheSharedExpertOfTheModelOrWhereAskedFor) {
    const auto gated = [](const std::string& command) {
        return cases_of("--tokens 4 --load hot " + command, 2).front().shape.shared_gate;
    };
    EXPECT_FALSE(gated(""));
    EXPECT_TRUE(gated("--shared-gate"));
    EXPECT_FALSE(gated("--model deepseek-v3"));
    EXPECT_TRUE(gated("--model deepseek-v3 --shared-gate"));
    EXPECT_TRUE(gated("--model qwen3.5-35b-a3b"));
    EXPECT_TRUE(gated("--model qwen3.5-35b-a3b --shared-gate"));
    EXPECT_FALSE(gated("--model qwen3.5-35b-a3b --shared-intermediate 0")) << "a gate of nothing";
    EXPECT_TRUE(gated("--model qwen3-30b-a3b --shared-intermediate 512 --shared-gate"));
    EXPECT_THROW((void)gated("--model qwen3-30b-a3b --shared-gate"), BadArgument);
    EXPECT_THROW((void)gated("--shared-intermediate 0 --shared-gate"), BadArgument);
}

TEST(Cases, AreCountedBeforeTheyAreMade) {
    const auto count = [](const std::string& command) { return cases_of(command, 2).size(); };
    EXPECT_EQ(count("--tokens 1:50000:+1 --load hot --padding sglang"), 100'000U);
    EXPECT_THROW((void)count("--tokens 1:50000:+1 --load hot,mixed:8:1 --padding sglang"),
                 BadArgument);
    EXPECT_EQ(
        count("--tokens 1:49999:+1 --load hot,mixed:8:1 --padding sglang,max_len --phase mixed"),
        100'000U);
    EXPECT_THROW((void)count("--load mixed:8:1 --tokens 4"), BadArgument) << "asks for no tokens";
    EXPECT_EQ(count("--load mixed:8:1"), 1U);
}

/// Published rows are found again by their id: it never changes for a case that could be asked for
/// before, whatever axes are added. The file has lines of ranks, "where" and command line, each
/// followed by the cases that it makes; the first are those of results/amd-epyc-2-cores.
TEST(CaseId, IsThatOfPublishedResults) {
    std::ifstream golden(std::string(GOLDEN_DIR) + "/case_ids.txt");
    ASSERT_TRUE(golden.is_open());
    std::vector<std::string> wanted, made;
    for (std::string line; std::getline(golden, line);) {
        wanted.push_back(line);
        if (!line.starts_with("$ ")) continue;
        made.push_back(line);
        std::istringstream parts(line.substr(2));
        int ranks = 0;
        std::string where, command;
        parts >> ranks;
        std::getline(parts >> std::ws, where, '|');
        std::getline(parts >> std::ws, command);
        where.pop_back();  // the space before the bar
        for (const auto& params : cases_of(command, ranks)) {
            made.push_back(fmt::format("{} {}", case_id(params, where), label_of(params)));
        }
    }
    EXPECT_GT(wanted.size(), 100U);
    for (std::size_t i = 0; i < std::min(made.size(), wanted.size()); ++i) {
        ASSERT_EQ(made[i], wanted[i]) << "line " << i + 1;
    }
    EXPECT_EQ(made.size(), wanted.size());
}

TEST(Axes, HaveAColumnAndAPlaceInTheIdOfTheirOwn) {
    std::ifstream golden(std::string(GOLDEN_DIR) + "/results_header.csv");
    std::set<std::string> columns;
    for (std::string column; std::getline(golden, column, ',');) columns.insert(column);
    std::set<int> places;
    for (const auto& axis : axes()) {
        EXPECT_EQ(columns.erase(std::string(axis.column)), 1U) << axis.column;
        EXPECT_TRUE(places.insert(axis.id.number).second) << axis.column;
    }
}

/// One option that differs makes another id; none, the same.
TEST(Axes, AreToldApartByTheirIds) {
    const auto first_of = [](const std::string& command) { return cases_of(command, 4).front(); };
    const auto usual = first_of("--padding sglang");
    std::set<std::string> ids{case_id(usual, "here")};
    for (const auto* option : {"--model qwen3-30b-a3b",
                               "--hidden 64",
                               "--experts 8",
                               "--top-k 1",
                               "--intermediate 8",
                               "--shared-intermediate 8",
                               "--scoring sigmoid",
                               "--shared-gate",
                               "--scale-experts 2",
                               "--dp 2",
                               "--ep 2",
                               "--dtype f32",
                               "--gather all_gatherv",
                               "--graph on",
                               "--skew 5",
                               "--sms 8",
                               "--cache cold",
                               "--beside gemm",
                               "--padding sum_len",
                               "--phase decode",
                               "--phase decode --graph-sizes 4",
                               "--routing zipf:2",
                               "--load linear",
                               "--tokens 5",
                               "--scope output",
                               "--layers 2",
                               "--epilogue residual_norm",
                               "--seed 2"}) {
        const auto other = first_of(fmt::format("--padding sglang {}", option));
        EXPECT_TRUE(ids.insert(case_id(other, "here")).second) << option;
    }
    EXPECT_EQ(ids.size(), axes().size() + 1) << "an axis that is not tried here";
    EXPECT_TRUE(ids.insert(case_id(usual, "there")).second);
    EXPECT_EQ(case_id(first_of("--padding sglang:0.5.23 --seed 1"), "here"),
              case_id(usual, "here"));
}

/// Published ids of cold cases had the word behind `where`.
TEST(CaseId, OfAColdCaseIsThatOfPublishedOnes) {
    const auto both = cases_of("--tokens 4 --load hot --cache warm,cold", 2);
    ASSERT_EQ(both.size(), 2U);
    EXPECT_EQ(case_id(both[1], "host 2 ranks 1 hosts"),
              case_id(both[0], "host 2 ranks 1 hosts cold"));
    EXPECT_NE(label_of(both[1]), label_of(both[0]));
}

TEST(Cases, OfWhichTheLastWordOnTheCacheCounts) {
    const auto caches = [](const std::string& command) {
        std::vector<Cache> found;
        for (const auto& params : cases_of("--tokens 4 --load hot " + command, 2)) {
            found.push_back(params.cache);
        }
        return found;
    };
    using Caches = std::vector<Cache>;
    EXPECT_EQ(caches(""), (Caches{Cache::warm}));
    EXPECT_EQ(caches("--cold"), (Caches{Cache::cold}));
    EXPECT_EQ(caches("--cache warm --cold"), (Caches{Cache::cold}));
    EXPECT_EQ(caches("--cold --cache cold,warm"), (Caches{Cache::cold, Cache::warm}));
    EXPECT_EQ(caches("--cold --cache cold --cache warm"), (Caches{Cache::warm}));
    EXPECT_THROW((void)caches("--cache lukewarm"), BadArgument);
    EXPECT_THROW((void)caches("--cache warm,cold --pipelined"), BadArgument);
}

TEST(Settings, AreTheOptionsThatDecideWhatIsMeasured) {
    const auto settings = options_of("--cold --tokens 4 --out x --time 5 --shared-gate").settings;
    for (const auto& axis : axes()) EXPECT_TRUE(settings.contains(axis.option.name));
    EXPECT_EQ(settings.at("--cache"), "cold") << "what --cold stands for";
    EXPECT_EQ(settings.at("--tokens"), "4");
    EXPECT_EQ(settings.at("--shared-gate"), "true");
    EXPECT_EQ(settings.at("--pipelined"), "");
    EXPECT_EQ(settings.at("--dtype"), "bf16") << "its default";
    for (const auto* other : {"--cold", "--out", "--time", "--backend", "--help", "--dry-run"}) {
        EXPECT_FALSE(settings.contains(other)) << other;
    }
}

TEST(Cases, BesideNothingKeepTheirIds) {
    const auto both = cases_of("--tokens 4 --load hot --beside none,gemm", 2);
    ASSERT_EQ(both.size(), 2U);
    EXPECT_EQ(case_id(both[0], "here"), case_id(cases_of("--tokens 4 --load hot", 2)[0], "here"));
    EXPECT_EQ(both[1].beside, Beside::gemm);
    EXPECT_NE(label_of(both[1]), label_of(both[0]));
    EXPECT_THROW((void)cases_of("--beside attention", 2), BadArgument);
}

TEST(Axes, OfTheSameValueAreOne) {
    EXPECT_EQ(cases_of("--tokens 4 --load hot --routing zipf:1,zipf:1.0,zipf:1e0", 2).size(), 1U);
}

}  // namespace
}  // namespace moe
