// Loads, as a table of hand-worked cases.
#include "bench/moe/load.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
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
             Row{"linear", 12, 3, {2, 4, 6}},
             Row{"linear", 7, 3, {1, 2, 4}},  // 1.17 2.33 3.5
             Row{"zipf:1", 11, 3, {6, 3, 2}},
             Row{"zipf:2", 49, 3, {36, 9, 4}},
             Row{"zipf:10", 5, 4, {5, 0, 0, 0}},
             Row{"hot", 7, 3, {7, 0, 0}},
             Row{"hot", 5, 1, {5}},
             Row{"idle:1", 9, 4, {3, 3, 3, 0}},
             Row{"idle:1", 8, 3, {4, 4, 0}},
             Row{"idle:2", 8, 3, {8, 0, 0}},
             Row{"idle:1", 10, 4, {4, 3, 3, 0}},  // what is left goes to the lowest
             Row{"idle:1", 0, 2, {0, 0}},
             Row{"counts:8;7;6;0", 21, 4, {8, 7, 6, 0}},
             Row{"counts:8;7;6;0", 42, 4, {16, 14, 12, 0}},
             Row{"counts:8;7;6;0", 10, 4, {4, 3, 3, 0}},  // 3.81 3.33 2.86
             Row{"counts:1;1;1", 8, 3, {3, 3, 2}},
             Row{"counts:0;5", 9, 2, {0, 9}},
             Row{"mixed:512:8", 536, 4, {512, 8, 8, 8}},
             Row{"mixed:7:2", 11, 3, {7, 2, 2}},
             Row{"mixed:1:9", 28, 4, {1, 9, 9, 9}},
             Row{"mixed:5:0", 5, 3, {5, 0, 0}},
             Row{"mixed:6:3", 6, 1, {6}},
             // As many as a rank may have: their sum times a share has no place in 64 bits.
             Row{"mixed:16777216:16777216", 3 << 24, 3, {1 << 24, 1 << 24, 1 << 24}},
         }) {
        EXPECT_EQ(Load(row.load).deal(row.tokens, row.dp), row.want)
            << row.load << " " << row.tokens;
    }
}

TEST(Load, MixedOnesSayThemselvesHowManyTokensThereAre) {
    struct Row {
        const char* load;
        std::int64_t dp, tokens;
    };
    for (const auto& [load, dp, tokens] : {
             Row{"mixed:512:8", 1, 512},
             Row{"mixed:512:8", 3, 528},
             Row{"mixed:512:0", 8, 512},
             Row{"mixed:1:16777216", 1 << 20, 17592169267201},
         }) {
        ASSERT_TRUE(Load(load).mixed());
        EXPECT_EQ(Load(load).mixed_tokens(dp), tokens) << load;
    }
    EXPECT_THROW((void)Load("mixed:512:8").deal(519, 2), std::exception) << "of 520";
    for (const auto* load : {"balanced", "hot", "idle:1", "counts:512;8"}) {
        EXPECT_FALSE(Load(load).mixed()) << load;
    }
}

TEST(Load, DealsExactlyTheTokensWhateverTheSizes) {
    for (const auto* text :
         {"balanced", "linear", "zipf:1.2", "hot", "idle:2", "counts:1;2;3;5;7"}) {
        for (const std::int64_t tokens : {0, 1, 7, 64, 1000003}) {
            const auto dealt = Load(text).deal(tokens, 5);
            EXPECT_EQ(std::accumulate(dealt.begin(), dealt.end(), std::int64_t{0}), tokens);
            for (const auto share : dealt) EXPECT_GE(share, 0);
        }
    }
}

TEST(Load, RefusesWhatIsNoLoad) {
    for (const auto* text : {"",
                             "even",
                             "balanced ",
                             "counts:",
                             "counts:1;;2",
                             "counts:1;x",
                             "counts:-1;2",
                             "counts:0;0",
                             "counts:1,2",
                             "counts:99999999999",
                             "zipf",
                             "zipf:",
                             "zipf:0",
                             "zipf:-1",
                             "zipf:nan",
                             "zipf:inf",
                             "zipf:11",
                             "zipf:1x",
                             "linear:2",
                             "idle",
                             "idle:",
                             "idle:0",
                             "idle:-1",
                             "idle:1x",
                             "idle:1048577",
                             "mixed",
                             "mixed:",
                             "mixed:8",
                             "mixed:8:",
                             "mixed::8",
                             "mixed:0:8",
                             "mixed:8:-1",
                             "mixed:8:1:1",
                             "mixed:8;1",
                             "mixed:16777217:1",
                             "mixed:1:16777217",
                             "mixed:99999999999999999999:1"}) {
        EXPECT_THROW(Load{text}, BadArgument) << text;
    }
    EXPECT_EQ(Load("counts:1;2").obstacle(2), "");
    EXPECT_EQ(Load("counts:1;2").obstacle(4), "load counts:1;2 has 2 shares, but dp is 4");
    EXPECT_EQ(Load("hot").obstacle(4), "");
    EXPECT_EQ(Load("idle:3").obstacle(4), "");
    EXPECT_EQ(Load("idle:4").obstacle(4), "load idle:4 leaves no DP rank with tokens, dp is 4");
    EXPECT_EQ(Load("idle:1").obstacle(1), "load idle:1 leaves no DP rank with tokens, dp is 1");
    EXPECT_EQ(Load("idle:1048576").obstacle(8),
              "load idle:1048576 leaves no DP rank with tokens, dp is 8");
    EXPECT_EQ(Load("mixed:1:1").obstacle(1), "");
}

}  // namespace
}  // namespace moe
