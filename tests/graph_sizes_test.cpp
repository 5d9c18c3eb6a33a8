// Decode rows padded to captured sizes: layouts worked by hand, the cases of a sweep and their ids.
#include "bench/case/layout.hpp"
#include "bench/sweep/case_texts.hpp"
#include "bench/sweep/cases.hpp"
#include "kernels/runtime/error.hpp"
#include "tests/command_lines.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

namespace moe {
namespace {

/// The padding and the rows of each DP rank of a decode step of 2 or 4 DP ranks, as tokens are
/// listed: "max_len 8;8".
std::string layout_of(const std::string& tokens, const std::string& options, int ranks = 0) {
    const auto dp = static_cast<int>(std::ranges::count(tokens, ';')) + 1;
    std::istringstream counts(tokens);
    std::int64_t sum = 0;
    for (std::string count; std::getline(counts, count, ';');) sum += std::stoll(count);
    const auto params =
        cases_of(fmt::format("--hidden 4096 --load counts:{} --tokens {} --dp {} --phase decode {}",
                             tokens, sum, dp, options),
                 ranks == 0 ? dp : ranks)
            .front();
    const auto layout = lay_out(params, ranks == 0 ? dp : ranks);
    if (!layout.row_map) return layout.obstacle;
    std::string rows;
    for (int group = 0; group < dp; ++group) {
        const int attn_tp = layout.parallel.attn_tp();
        rows += fmt::format("{}{}", rows.empty() ? "" : ";",
                            layout.row_map->owned().rows(group * attn_tp) * attn_tp);
    }
    return fmt::format("{} {}", to_string(layout.padding), rows);
}

TEST(GraphSizes, PadEachRankBeforeRanksArePaddedToEachOther) {
    const std::string ladder = "--graph-sizes 4,8,16 ";
    EXPECT_EQ(layout_of("5;9", ladder), "sum_len 8;16");
    EXPECT_EQ(layout_of("4;16", ladder), "sum_len 4;16") << "captured as they are";
    EXPECT_EQ(layout_of("5;0", ladder), "sum_len 8;0") << "no rows, no graph";
    EXPECT_EQ(layout_of("5;9", ladder + "--padding max_len"), "max_len 16;16");
    EXPECT_EQ(layout_of("5;17", ladder), "sum_len 5;17") << "above the largest the step is eager";
    EXPECT_EQ(layout_of("5;17", ladder + "--padding max_len"), "max_len 17;17");
    EXPECT_EQ(layout_of("5;9", "--graph-sizes 16,4,8"), "sum_len 8;16") << "in any order";
    EXPECT_EQ(layout_of("3;9", "--graph-sizes 3,6,9,12", 4), "sum_len 6;12")
        << "an odd batch cannot be shared by two attention ranks";
}

/// Engines replay the graph of the longest rank on all.
TEST(GraphSizes, OfAnEngineAreTheSameOnAllRanks) {
    const std::string sglang = "--padding sglang --graph-sizes engine";
    EXPECT_EQ(layout_of("5;1;1;1", sglang), "sum_len 8;8;8;8") << "32 rows fit its all-reduce";
    EXPECT_EQ(layout_of("5;0;0;0", sglang), "sum_len 8;8;8;8") << "idle ranks replay it too";
    EXPECT_EQ(layout_of("9;1", sglang), "sum_len 12;12");
    EXPECT_EQ(layout_of("257;1;1;1", sglang), "sum_len 272;272;272;272");
    EXPECT_EQ(layout_of("512;1;1;1", sglang), "sum_len 512;512;512;512") << "16 MiB";
    EXPECT_EQ(layout_of("512;1;1;1", sglang + " --dtype f32"), "max_len 512;512;512;512");
    EXPECT_EQ(layout_of("257;1", sglang), "sum_len 257;1") << "2 ranks capture up to 256";
    EXPECT_EQ(layout_of("513;1;1;0", sglang), "sum_len 513;1;1;0") << "eager";
    const std::string older = "--padding sglang:0.5.22 --graph-sizes engine";
    EXPECT_EQ(layout_of("5;1;1;1", older), "max_len 8;8;8;8");
    EXPECT_EQ(layout_of("513;1;1;1", older), "sum_len 513;1;1;1") << "eager";
    const std::string vllm = "--padding vllm --graph-sizes engine";
    EXPECT_EQ(layout_of("9;1", vllm), "max_len 16;16");
    EXPECT_EQ(layout_of("512;0", vllm), "max_len 512;512");
    EXPECT_EQ(layout_of("513;0", vllm), "sum_len 513;0") << "eager";
    EXPECT_EQ(layout_of("9;1", "--padding vllm --graph-sizes 10,20"), "max_len 10;10");
    EXPECT_EQ(layout_of("9;1", "--padding vllm --graph on --graph-sizes 4"), "sum_len 9;1")
        << "the engine runs it eagerly, however it is timed here";
}

TEST(GraphSizes, DoNotConcernPrefill) {
    for (const auto& params :
         cases_of("--phase prefill,mixed --load hot --tokens 5 --graph-sizes 8", 2)) {
        const auto layout = lay_out(params, 2);
        EXPECT_EQ(layout.row_map->rows(), 5);
        EXPECT_FALSE(params.pads_to_graphs());
    }
}

TEST(GraphSizes, AskForThePhase) {
    const auto phases = [](const std::string& command) {
        std::string found;
        for (const auto& params : cases_of("--load hot --tokens 5 " + command, 2)) {
            found += params.phase ? fmt::format("{} ", to_string(*params.phase)) : "- ";
        }
        return found;
    };
    EXPECT_EQ(phases(""), "- ");
    EXPECT_EQ(phases("--padding vllm"), "- ");
    EXPECT_EQ(phases("--padding vllm,sglang"), "- prefill decode ");
    EXPECT_EQ(phases("--graph-sizes 8"), "prefill decode ");
    EXPECT_EQ(phases("--padding vllm --graph-sizes 8 --phase decode"), "decode ");
    EXPECT_THROW((void)phases("--padding vllm --phase decode"), BadArgument);
}

TEST(GraphSizes, AreCountedWithTheirPhases) {
    const auto count = [](const std::string& command) {
        return cases_of("--load hot --padding sum_len --graph-sizes 8 " + command, 2).size();
    };
    EXPECT_EQ(count("--tokens 1:50000:+1"), 100'000U);
    EXPECT_THROW((void)count("--tokens 1:50001:+1"), BadArgument);
}

/// Without the option nothing changes, and prefill cases are those without it.
TEST(GraphSizes, ArePartOfTheIdOfDecodeOnly) {
    const auto id = [](const std::string& command) {
        return case_id(cases_of("--load hot --tokens 5 --padding sglang " + command, 2).front(),
                       "here");
    };
    EXPECT_NE(id("--phase decode --graph-sizes 8"), id("--phase decode"));
    EXPECT_NE(id("--phase decode --graph-sizes 8"), id("--phase decode --graph-sizes 8,16"));
    EXPECT_NE(id("--phase decode --graph-sizes 8"), id("--phase decode --graph-sizes engine"));
    EXPECT_EQ(id("--phase decode --graph-sizes 8,16"), id("--phase decode --graph-sizes 16,8"));
    EXPECT_EQ(id("--phase prefill --graph-sizes 8"), id("--phase prefill"));
}

TEST(GraphSizes, SayWhatIsPossible) {
    const auto complaint = [](const std::string& command) -> std::string {
        try {
            static_cast<void>(cases_of("--phase decode " + command, 2));
        } catch (const BadArgument& error) {
            return error.what();
        }
        return "nothing";
    };
    EXPECT_NE(complaint("--graph-sizes many").find("or engine"), std::string::npos);
    EXPECT_NE(complaint("--graph-sizes 0").find("0 is not from 1"), std::string::npos);
    EXPECT_EQ(complaint("--graph-sizes engine"),
              "--graph-sizes engine: whose? --padding sum_len is no engine's rule");
    EXPECT_EQ(complaint("--graph-sizes engine --padding sglang,max_len"),
              "--graph-sizes engine: whose? --padding max_len is no engine's rule");
    EXPECT_EQ(complaint("--graph-sizes engine --padding sglang,vllm"), "nothing");
}

}  // namespace
}  // namespace moe
