// Synthetic traffic: what its text says, and that the steps are those of such traffic.
#include "bench/steps/traffic.hpp"
#include "kernels/runtime/error.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

namespace moe {
namespace {

StepFile steps_of(const std::string& text, int dp, std::int64_t seed = 1) {
    return synthesize_steps(parse_traffic(text), dp, seed, text);
}

std::int64_t sum_of(const Step& step) {
    return std::accumulate(step.tokens.begin(), step.tokens.end(), std::int64_t{0});
}

std::string complaint_about(const std::string& text) {
    try {
        static_cast<void>(parse_traffic(text));
    } catch (const BadArgument& error) {
        return error.what();
    }
    return "none";
}

TEST(Traffic, IsWhatItsTextSays) {
    const auto traffic = parse_traffic("isl=4000,osl=1000,conc=512,chunk=8000,hit=0.6,spec=3");
    EXPECT_EQ(traffic.isl, 4000);
    EXPECT_EQ(traffic.osl, 1000);
    EXPECT_EQ(traffic.conc, 512);
    EXPECT_EQ(traffic.chunk, 8000);
    EXPECT_EQ(traffic.hit, 0.6);
    EXPECT_EQ(traffic.spec, 3);
    const auto least = parse_traffic("osl=1,conc=2,isl=3");
    EXPECT_EQ(least.chunk, 8192);
    EXPECT_EQ(least.hit, 0);
    EXPECT_EQ(least.spec, 0);
}

TEST(Traffic, OfABadTextIsRefusedInOneLine) {
    EXPECT_EQ(complaint_about("isl=0,osl=1,conc=1"),
              "--traffic isl '0': a whole number from 1 to 1048576 is wanted");
    EXPECT_EQ(complaint_about("isl=1,osl=1,conc=1,hit=1"),
              "--traffic hit '1': a share from 0 to less than 1 is wanted");
    EXPECT_EQ(complaint_about("isl=1,osl=1,conc=1,hit"),
              "--traffic hit '': a share from 0 to less than 1 is wanted");
    EXPECT_EQ(complaint_about("isl=1,osl=1,conc=1,x=1"),
              "--traffic 'x': there are isl, osl, conc, chunk, hit, spec, as in "
              "isl=4000,osl=1000,conc=512,chunk=8192,hit=0.6,spec=3");
    EXPECT_EQ(complaint_about("isl=1,osl=1,isl=2"),
              "--traffic 'isl=1,osl=1,isl=2': isl is given twice");
    EXPECT_EQ(complaint_about("isl=1,osl=1"),
              "--traffic 'isl=1,osl=1': conc is wanted, as in "
              "isl=4000,osl=1000,conc=512,chunk=8192,hit=0.6,spec=3");
}

TEST(Traffic, IsTheSameForTheSameSeedAndSaysThatItIsSynthetic) {
    const std::string text = "isl=500,osl=50,conc=32,hit=0.5,spec=2";
    const auto tokens = [&](std::int64_t seed) {
        std::vector<std::vector<std::int64_t>> all;
        for (const auto& step : steps_of(text, 4, seed).steps) all.push_back(step.tokens);
        return all;
    };
    EXPECT_EQ(tokens(7), tokens(7));
    EXPECT_NE(tokens(7), tokens(8));
    EXPECT_EQ(steps_of(text, 4).source, "synthetic traffic " + text);
    EXPECT_EQ(steps_of(text, 4).dp_ranks(), 4);
}

TEST(Traffic, KeepsItsLimitsInEveryStep) {
    for (const int dp : {1, 2, 8}) {
        for (const std::string text : {"isl=300,osl=40,conc=64,chunk=512,spec=3",
                                       "isl=5000,osl=7,conc=5,chunk=1024,hit=0.9"}) {
            const auto traffic = parse_traffic(text);
            for (const auto& step : steps_of(text, dp).steps) {
                EXPECT_GT(sum_of(step), 0);
                const bool only_decode = step.phase == StepPhase::decode;
                if (only_decode) {
                    EXPECT_LE(sum_of(step), traffic.conc * (1 + traffic.spec));
                }
                for (const auto tokens : step.tokens) {
                    EXPECT_LE(tokens, std::max(traffic.chunk, traffic.conc * (1 + traffic.spec)));
                    EXPECT_TRUE(!only_decode || tokens % (1 + traffic.spec) == 0);
                }
            }
        }
    }
}

/// Of every answer, one token is the end of its prefill and the others are decoded one by one.
TEST(Traffic, PrefillsAndDecodesInTheRatioOfItsTokens) {
    std::int64_t prefilled = 0, decoded = 0;
    for (const auto& step : steps_of("isl=400,osl=101,conc=16,hit=0.75,chunk=256", 1).steps) {
        (step.phase == StepPhase::prefill ? prefilled : decoded) += sum_of(step);
    }
    // 100 prefilled tokens and 100 decoded ones for each request.
    EXPECT_NEAR(static_cast<double>(prefilled) / static_cast<double>(decoded), 1, 0.1);
}

TEST(Traffic, HasStepsOfEveryPhaseOnSeveralRanks) {
    std::vector<int> found(3);
    for (const auto& step : steps_of("isl=2000,osl=40,conc=16,chunk=512", 4).steps) {
        ++found[static_cast<std::size_t>(*step.phase)];
    }
    EXPECT_GT(*std::ranges::min_element(found), 0);
}

}  // namespace
}  // namespace moe
