// Files of steps: what is read, and what is said of bad rows.
#include "bench/steps/read_steps.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

namespace moe {
namespace {

using Counts = std::vector<std::int64_t>;

std::string complaint(const std::string& text) {
    try {
        static_cast<void>(parse_steps(text, "f"));
    } catch (const BadArgument& error) {
        return error.what();
    }
    return "none";
}

TEST(Steps, MayBeginWithAByteOrderMark) {
    EXPECT_EQ(parse_steps("\xEF\xBB\xBFtokens_per_rank\n1;2\n", "f").steps.size(), 1U);
}

TEST(Steps, OfCsvAndJsonAreTheSame) {
    const auto csv = parse_steps(
        "# dumped by hand dp=2 tp=4 ep=2 attn_tp=2 role=decode all_to_all=none\n"
        "engine,version,phase,graph_rows,spec_width,tokens_per_rank,count,step_us\n"
        "sglang,0.5.23,decode,16,,12;9,40,21000.5\n"
        "sglang,0.5.23,prefill,0,,4096;0,,\n",
        "f");
    const auto json = parse_steps(
        "# dumped by hand dp=2 tp=4 ep=2 attn_tp=2 role=decode all_to_all=none\n"
        R"({"engine":"sglang","version":"0.5.23","phase":"decode","graph_rows":16,)"
        R"("tokens_per_rank":[12,9],"count":40,"step_us":21000.5})"
        "\r\n\n"
        R"({"tokens_per_rank":"4096;0","phase":"prefill","graph_rows":0,"engine":"sglang",)"
        R"("version":"0.5.23","count":null})",
        "f");
    for (const auto& file : {csv, json}) {
        EXPECT_EQ(file.dp, 2);
        EXPECT_EQ(file.tp, 4);
        EXPECT_EQ(file.ep, 2);
        EXPECT_EQ(file.attn_tp, 2);
        EXPECT_EQ(file.role, StepPhase::decode);
        EXPECT_EQ(file.all_to_all, "");
        EXPECT_EQ(file.engines, std::vector<std::string>{"sglang 0.5.23"});
        ASSERT_EQ(file.steps.size(), 2U);
        const auto& [decode, prefill] = std::tie(file.steps[0], file.steps[1]);
        EXPECT_EQ(decode.tokens, (Counts{12, 9}));
        EXPECT_EQ(decode.graph_rows, 16);
        EXPECT_EQ(decode.count, 40);
        EXPECT_EQ(decode.us, 21000.5);
        EXPECT_EQ(decode.phase, StepPhase::decode);
        EXPECT_EQ(prefill.phase, StepPhase::prefill);
        EXPECT_EQ(prefill.tokens, (Counts{4096, 0}));
        EXPECT_EQ(prefill.graph_rows, 0);
        EXPECT_EQ(prefill.count, 1);
        EXPECT_FALSE(prefill.us);
    }
}

TEST(Steps, MaySayNoMoreThanTheirTokens) {
    const auto file = parse_steps("# dp= tp= ep= role=\ntokens_per_rank\n8;7;6;0\n", "f");
    EXPECT_EQ(file.dp_ranks(), 4);
    EXPECT_FALSE(file.tp);
    EXPECT_FALSE(file.steps.front().phase);
    EXPECT_FALSE(file.steps.front().graph_rows);
    EXPECT_EQ(file.steps.front().engine, Engine::unknown);
    EXPECT_TRUE(file.engines.empty());
}

TEST(Steps, CountRequestsAsTheTokensThatTheyBring) {
    const auto tokens = [](std::string_view unit, std::string_view width) {
        return parse_steps(
                   fmt::format("unit,spec_width,tokens_per_rank\n{},{},8;100;0\n", unit, width),
                   "f")
            .steps.front()
            .tokens;
    };
    EXPECT_EQ(tokens("", "4"), (Counts{8, 100, 0}));
    EXPECT_EQ(tokens("tokens", "4"), (Counts{8, 100, 0}));
    EXPECT_EQ(tokens("requests", "4"), (Counts{32, 400, 0}));
    EXPECT_EQ(tokens("requests;tokens;requests", "4"), (Counts{32, 100, 0}));
}

TEST(Steps, TakeTheRoleOfTheirNodeWhereTheyDoNotSay) {
    const auto phase = [](std::string_view role, std::string_view phase_text) {
        return parse_steps(
                   fmt::format("# role={}\nphase,tokens_per_rank\n{},1;1\n", role, phase_text), "f")
            .steps.front()
            .phase;
    };
    EXPECT_EQ(phase("decode", ""), StepPhase::decode);
    EXPECT_EQ(phase("decode", "mixed"), StepPhase::mixed);
    EXPECT_EQ(phase("both", ""), std::nullopt);
}

TEST(Steps, EveryBadRowHasALineThatSaysWhatIsPossible) {
    struct Row {
        const char* text;
        const char* want;
    };
    const std::string head = "phase,graph_rows,unit,spec_width,tokens_per_rank,count,step_us\n";
    for (const auto& [row, want] : {
             Row{"x,,,,1;1,,", "f, line 2: phase 'x': there are: prefill, decode, mixed"},
             Row{",-1,,,1;1,,",
                 "f, line 2: graph_rows '-1': a whole number from 0 to 16777216 is wanted"},
             Row{",8,,,9;1,,",
                 "f, line 2: graph_rows 8: a rank has 9 tokens, more than the graph has rows; 0 is "
                 "no graph"},
             Row{",,,,1;b,,",
                 "f, line 2: tokens_per_rank 'b': a whole number from 0 to 16777216 is wanted"},
             Row{",,,,1;,,",
                 "f, line 2: tokens_per_rank '': a whole number from 0 to 16777216 is wanted"},
             Row{",,,,,,",
                 "f, line 2: tokens_per_rank is empty: a number for each DP rank is wanted, as in "
                 "8;7;6;0"},
             Row{",,,,16777216;1,,",
                 "f, line 2: tokens_per_rank: 16777217 tokens; a step has at most 16777216"},
             Row{",,requests,,1;1,,",
                 "f, line 2: spec_width is empty: with unit requests, the tokens that a request "
                 "brings are wanted"},
             Row{",,x,,1;1,,", "f, line 2: unit 'x': there are: tokens, requests"},
             Row{",,tokens;tokens,,1;1;1,,",
                 "f, line 2: unit 'tokens;tokens': one for all 3 DP ranks is wanted, or one for "
                 "each"},
             Row{",,,0,1;1,,",
                 "f, line 2: spec_width '0': a whole number from 1 to 1024 is wanted"},
             Row{",,,,1;1,0,",
                 "f, line 2: count '0': a whole number from 1 to 1000000000000 is wanted"},
             Row{",,,,1;1,,-3", "f, line 2: step_us '-3': a number above 0 is wanted"},
             Row{",,,,1;1,", "f, line 2: 6 cells; there are 7 columns"},
             Row{"# dp=4\n,,,,1;1,,", "f, line 3: tokens_per_rank '1;1': 2 numbers; dp is 4"},
             Row{"# dp=x", "f, line 2: dp 'x': a whole number from 1 to 1048576 is wanted"},
             Row{"# pp=2",
                 "f, line 2: 'pp=2': a comment has dp, tp, ep, attn_tp, role and all_to_all"},
             Row{"# role=x", "f, line 2: role 'x': there are: prefill, decode, both"},
             Row{"# dp=4 tp=6", "f, line 2: dp=4 does not divide tp=6"},
             Row{"# dp=2 tp=8 attn_tp=2", "f, line 2: attn_tp=2 is not tp/dp, 8/2"},
             Row{",,,,1;1,,\n# dp=2", "f, line 3: the deployment is wanted before the first step"},
             Row{",,,,1;1,,\n,,,,1;1;1,,",
                 "f, line 3: tokens_per_rank '1;1;1': 3 numbers; dp is 2"},
         }) {
        EXPECT_EQ(complaint(head + row + "\n"), want) << row;
    }
    EXPECT_EQ(complaint("engine,tokens_per_rank\ntrt,1;1\n"),
              "f, line 2: engine 'trt': there are: sglang, vllm, tensorrt-llm");
    EXPECT_EQ(complaint("tokens\n1;1\n"),
              "f, line 1: 'tokens' is no field; there are: engine, version, phase, graph_rows, "
              "unit, spec_width, tokens_per_rank, count, step_us");
    EXPECT_EQ(complaint("phase\ndecode\n"), "f, line 1: no column is named tokens_per_rank");
    EXPECT_EQ(complaint("count,count\n"), "f, line 1: two columns are named count");
    EXPECT_EQ(complaint("# dp=2\n"), "f: no steps; a row for each is wanted");
    EXPECT_EQ(complaint(R"({"tokens_per_rank":[1,1])"),
              "f, line 1: no whole JSON object in one line");
    EXPECT_EQ(
        complaint(R"({"tokens_per_rank":{"a":1}})"),
        R"(f, line 1: tokens_per_rank {"a":1}: a text, a number or a list of them is wanted)");
    EXPECT_EQ(complaint(R"({"tokens_per_rank":[[1],1]})"),
              "f, line 1: tokens_per_rank [1]: a text, a number or a list of them is wanted");
    EXPECT_EQ(complaint("{\"tokens_per_rank\":[1,1]}\n1;1\n"),
              "f, line 2: a JSON object is wanted, like those before");
}

TEST(Steps, SeveralBadRowsAreAllSaid) {
    std::string text = "tokens_per_rank\n";
    for (int i = 0; i < 11; ++i) text += i == 3 ? "1;1\n" : "x\n";
    std::vector<std::string> lines;
    try {
        static_cast<void>(parse_steps(text, "f", [&](const auto& line) { lines.push_back(line); }));
        FAIL() << "bad rows were read";
    } catch (const BadArgument& error) {
        lines.emplace_back(error.what());
    }
    ASSERT_EQ(lines.size(), 8U);
    const std::string what = ": tokens_per_rank 'x': a whole number from 0 to 16777216 is wanted";
    EXPECT_EQ(lines.front(), "f, line 2" + what);
    EXPECT_EQ(lines[3], "f, line 6" + what);
    EXPECT_EQ(lines.back(), "f, line 10" + what + " (and 2 more bad rows)");
}

TEST(Steps, OfAFileThatIsNotThereAreRefused) {
    EXPECT_THROW(static_cast<void>(read_step_bytes("/nowhere/at/all")), BadArgument);
}

}  // namespace
}  // namespace moe
