// The files of engines' rules: what is in them, against numbers worked by hand from the sources
// that they name, and how they are read.
#include "bench/engines/engine_rules.hpp"
#include "bench/engines/engine_env.hpp"
#include "bench/engines/engine_files.hpp"
#include "bench/engines/parse_rules.hpp"
#include "comm/all_reduce_forms.hpp"
#include "comm/combine/combine.hpp"
#include "comm/gather/gather.hpp"
#include "comm/named_table.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace moe {
namespace {

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;

TEST(EngineRules, AreFoundByReleaseAndByEngine) {
    std::vector<std::string> names;
    for (const auto& rules : engine_rules()) names.push_back(rules.name);
    EXPECT_EQ(names, (std::vector<std::string>{"sglang-0.5.22", "sglang-0.5.23", "vllm-0.33",
                                               "tensorrt-llm"}));
    EXPECT_EQ(find_engine_rules("sglang-0.5.22").padding_name, "sglang:0.5.22");
    EXPECT_EQ(&find_engine_rules("sglang"), &find_engine_rules("sglang-0.5.23"));
    EXPECT_EQ(find_engine_rules("vllm").name, "vllm-0.33");
    EXPECT_TRUE(is_newest(find_engine_rules("sglang-0.5.23")));
    EXPECT_FALSE(is_newest(find_engine_rules("sglang-0.5.22")));
    try {
        static_cast<void>(find_engine_rules("sglang-0.5.24"));
        ADD_FAILURE() << "a release without a file";
    } catch (const BadArgument& error) {
        EXPECT_STREQ(error.what(),
                     "no engine is named 'sglang-0.5.24'; there are: sglang-0.5.22, "
                     "sglang-0.5.23, vllm-0.33, tensorrt-llm");
    }
}

TEST(EngineRules, NameStrategiesThatThereAre) {
    for (const auto& rules : engine_rules()) {
        if (!rules.flag) continue;
        EXPECT_TRUE(rules.flag->combine.contains(rules.flag->default_value)) << rules.name;
        for (const auto& [name, when] : rules.flag->gather) {
            EXPECT_NO_THROW((void)find_named(gather_table(), name, "gather"));
        }
        for (const auto& [value, choices] : rules.flag->combine) {
            for (const auto& [name, when] : choices) {
                EXPECT_NO_THROW((void)find_named(combine_table(), name, "combine"));
            }
        }
    }
}

TEST(EngineRules, OfAnEngineOfWhichNoReleaseWasReadSayNothing) {
    const auto& rules = find_engine_rules("tensorrt-llm");
    EXPECT_FALSE(rules.gate || rules.padding || rules.graphs || rules.flag || rules.all_reduce ||
                 rules.nccl);
}

TEST(CapturedSizes, AreThoseOfTheSources) {
    struct Row {
        const char* engine;
        int ranks;
        std::size_t count;
        std::vector<std::int64_t> first;
        std::int64_t largest;
    };
    // SGLang: 1 2 4 8 12, 16 to 256 by 8 (31), 272 to 496 by 16 (15), 512. Up to 256 below 4 ranks.
    // vLLM: 1 2 4, 8 to 248 by 8 (31), 256 to 512 by 16 (17).
    for (const auto& [engine, ranks, count, first, largest] : {
             Row{"sglang-0.5.22", 2, 36, {1, 2, 4, 8, 12, 16, 24}, 256},
             Row{"sglang-0.5.22", 8, 52, {1, 2, 4, 8, 12, 16, 24}, 512},
             Row{"sglang-0.5.23", 3, 36, {1, 2, 4, 8, 12, 16, 24}, 256},
             Row{"sglang-0.5.23", 4, 52, {1, 2, 4, 8, 12, 16, 24}, 512},
             Row{"vllm-0.33", 1, 51, {1, 2, 4, 8, 16, 24}, 512},
             Row{"vllm-0.33", 8, 51, {1, 2, 4, 8, 16, 24}, 512},
         }) {
        SCOPED_TRACE(fmt::format("{} on {}", engine, ranks));
        const auto sizes = find_engine_rules(engine).graphs->of_ranks(ranks);
        ASSERT_EQ(sizes.size(), count);
        EXPECT_TRUE(std::equal(first.begin(), first.end(), sizes.begin()));
        EXPECT_EQ(sizes.back(), largest);
    }
}

TEST(CapturedSizes, AreTakenUpwards) {
    struct Row {
        const char* engine;
        std::int64_t tokens;
        int attn_tp;
        std::optional<std::int64_t> want;
    };
    for (const auto& [engine, tokens, attn_tp, want] : {
             Row{"sglang", 1, 1, 1},
             Row{"sglang", 3, 1, 4},
             Row{"sglang", 5, 1, 8},
             Row{"sglang", 9, 1, 12},
             Row{"sglang", 13, 1, 16},
             Row{"sglang", 257, 1, 272},
             Row{"sglang", 511, 1, 512},
             Row{"sglang", 512, 1, 512},
             Row{"sglang", 513, 1, {}},
             Row{"sglang", 1, 2, 2},
             Row{"sglang", 9, 8, 16},   // 12 is no multiple of 8
             Row{"sglang", 9, 16, 16},  // nor is 8 of 16
             Row{"vllm", 3, 1, 4},
             Row{"vllm", 9, 1, 16},
             Row{"vllm", 250, 1, 256},
             Row{"vllm", 257, 1, 272},
             Row{"vllm", 513, 1, {}},
         }) {
        const auto sizes = find_engine_rules(engine).graphs->of_ranks(8);
        EXPECT_EQ(captured_rows(sizes, tokens, attn_tp), want) << engine << " " << tokens;
    }
}

AllReduceForm form_of(const OwnAllReduce& own, int ranks, std::int64_t bytes, bool captured) {
    const auto found = own.by_ranks.find(ranks);
    if (found == own.by_ranks.end() || bytes > own.largest) return AllReduceForm::library;
    const auto& limits = captured ? found->second.captured : found->second.eager;
    if (bytes <= limits.push) return AllReduceForm::push;
    if (bytes <= limits.one_shot) return AllReduceForm::one_shot;
    return bytes <= limits.two_shot ? AllReduceForm::two_shot : AllReduceForm::library;
}

TEST(OwnAllReduce, TakesTheFormOfTheSource) {
    constexpr auto kPush = AllReduceForm::push;
    constexpr auto kTwoShot = AllReduceForm::two_shot;
    constexpr auto kLibrary = AllReduceForm::library;
    struct Row {
        int ranks;
        std::int64_t bytes;
        AllReduceForm graph, eager;
    };
    for (const auto* engine : {"sglang-0.5.22", "sglang-0.5.23"}) {
        const auto& own = *find_engine_rules(engine).all_reduce;
        for (const auto& [ranks, bytes, graph, eager] : {
                 Row{2, 16 * kKiB, kPush, kPush},
                 Row{2, 16 * kMiB, kPush, kPush},
                 Row{2, 16 * kMiB + 16, kLibrary, kLibrary},
                 Row{3, 2 * kMiB, kTwoShot, kPush},
                 Row{4, 384 * kKiB, kPush, kPush},
                 Row{4, 512 * kKiB, kTwoShot, kPush},
                 Row{4, 1 * kMiB, kTwoShot, kTwoShot},
                 Row{4, 16 * kMiB, kTwoShot, kTwoShot},
                 Row{4, 16 * kMiB + 16, kLibrary, kLibrary},
                 Row{5, 256 * kKiB, kTwoShot, kPush},
                 Row{6, 160 * kKiB, kTwoShot, kPush},
                 Row{7, 160 * kKiB, kTwoShot, kTwoShot},
                 Row{8, 128 * kKiB, kPush, kPush},
                 Row{8, 144 * kKiB, kTwoShot, kTwoShot},
                 Row{9, 16, kLibrary, kLibrary},
             }) {
            SCOPED_TRACE(fmt::format("{}: {} ranks, {} bytes", engine, ranks, bytes));
            EXPECT_EQ(form_of(own, ranks, bytes, true), graph);
            EXPECT_EQ(form_of(own, ranks, bytes, false), eager);
        }
    }
    EXPECT_FALSE(find_engine_rules("vllm").all_reduce);
}

/// The strategies of comm/ hold a table of their own, since they know of no engine.
TEST(OwnAllReduce, OfTheNewestSglangIsWhatItsStrategiesRun) {
    const auto& own = *find_engine_rules("sglang").all_reduce;
    for (int ranks = 1; ranks <= 17; ++ranks) {
        for (std::int64_t bytes = 0; bytes <= 40 * kMiB; bytes += 16 * kKiB) {
            for (const bool captured : {false, true}) {
                for (const std::int64_t size : {bytes, bytes + 16}) {
                    ASSERT_EQ(engine_all_reduce(ranks, size, captured),
                              form_of(own, ranks, size, captured))
                        << ranks << " ranks, " << size << " bytes";
                }
            }
        }
    }
}

std::string text_of(std::string_view name) {
    for (const auto& file : engine_files()) {
        if (file.name == name) return std::string(file.text);
    }
    return {};
}

/// What parsing the newest SGLang's file says with one text in place of another.
std::string complaint(const std::string& from, const std::string& to) {
    auto text = text_of("sglang-0.5.23");
    const auto at = text.find(from);
    if (at == std::string::npos) return "not in the file: " + from;
    text.replace(at, from.size(), to);
    try {
        static_cast<void>(parse_engine_rules("sglang-0.5.23", text));
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

TEST(EngineFiles, AreReadStrictly) {
    EXPECT_EQ(complaint("0.5.23", "0.5.23"), "");
    EXPECT_EQ(complaint("any_prefill", "some_prefill"),
              "rules of sglang-0.5.23: 'some_prefill' is no word of these files");
    EXPECT_EQ(complaint("ep_is_dp", "ep_is"),
              "rules of sglang-0.5.23: 'ep_is' is no word of these files");
    EXPECT_EQ(complaint("\"version\": \"0.5.23\"", "\"version\": \"0.5.24\""),
              "rules of sglang-0.5.23: it is about sglang-0.5.24");
    EXPECT_NE(complaint("\"largest\": 16777216", "\"most\": 16777216").find("'largest' not found"),
              std::string::npos);
    EXPECT_NE(complaint("\"take\"", "\"took\"").find("'take' not found"), std::string::npos);
    EXPECT_NE(complaint("{", "").find("rules of sglang-0.5.23: "), std::string::npos);
}

/// The environment as it was before the test.
class EngineEnvTest : public ::testing::Test {
protected:
    void SetUp() override { clear(); }
    void TearDown() override { clear(); }

private:
    static void clear() {
        for (const auto* name : {"NCCL_CUMEM_ENABLE", "NCCL_NVLS_ENABLE"}) unsetenv(name);
    }
};

TEST_F(EngineEnvTest, SetsWhatTheEngineSets) {
    for (const auto* engine : {"sglang-0.5.22", "sglang-0.5.23"}) {
        SetUp();
        const auto env = set_engine_env(find_engine_rules(engine));
        EXPECT_STREQ(std::getenv("NCCL_CUMEM_ENABLE"), "0");
        EXPECT_STREQ(std::getenv("NCCL_NVLS_ENABLE"), "0");
        EXPECT_EQ(to_string(env), fmt::format("NCCL variables of {}: set NCCL_CUMEM_ENABLE=0, "
                                              "NCCL_NVLS_ENABLE=0",
                                              engine));
    }
}

TEST_F(EngineEnvTest, NeverOverridesTheUser) {
    setenv("NCCL_NVLS_ENABLE", "1", 1);
    const auto env = set_engine_env(find_engine_rules("sglang"));
    EXPECT_STREQ(std::getenv("NCCL_NVLS_ENABLE"), "1");
    EXPECT_EQ(to_string(env),
              "NCCL variables of sglang-0.5.23: set NCCL_CUMEM_ENABLE=0; kept as you have them: "
              "NCCL_NVLS_ENABLE=1");
}

TEST_F(EngineEnvTest, SaysWhereTheEngineSetsNothing) {
    EXPECT_EQ(to_string(set_engine_env(find_engine_rules("vllm"))),
              "NCCL variables of vllm-0.33: none set");
    EXPECT_EQ(std::getenv("NCCL_NVLS_ENABLE"), nullptr);
}

TEST(NvlsState, IsKnownWhereTheUserSaysIt) {
    EXPECT_EQ(nvls_state("0"), "off");
    EXPECT_EQ(nvls_state("1"), "on");
    EXPECT_EQ(nvls_state("2"), "unknown");
    EXPECT_EQ(nvls_state(""), "unknown");
    EXPECT_EQ(nvls_state(nullptr), "unknown");
}

}  // namespace
}  // namespace moe
