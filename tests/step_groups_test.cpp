// Steps as the engine pads them, and the few cases that stand for them.
#include "bench/case/layout.hpp"
#include "bench/steps/buckets.hpp"
#include "bench/steps/grouping.hpp"
#include "bench/steps/read_steps.hpp"
#include "bench/steps/step_cases.hpp"
#include "bench/steps/step_sweep_text.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace moe {
namespace {

using Counts = std::vector<std::int64_t>;
using Reasons = std::map<std::string, std::int64_t>;
constexpr auto kDecode = StepPhase::decode;

Case setting(std::int64_t dp, PaddingRule padding = Padding::sum_len) {
    Case params;
    params.dp = params.ep = dp;
    params.padding = padding;
    params.shape.hidden = 4096;
    params.dtype = DType::bf16;
    return params;
}

StepFile steps_of(const std::string& rows) {
    return parse_steps("engine,phase,graph_rows,tokens_per_rank,count\n" + rows, "f");
}

TEST(Buckets, HoldStepsOfTheSameRows) {
    const auto file = steps_of(
        "sglang,decode,,3;8,2\n"
        "sglang,prefill,,8;3,5\n"
        "sglang,decode,8,3;8,10\n"
        "sglang,decode,8,1;0,\n"
        "sglang,decode,0,8;4,100\n");
    const auto plain = bucket_steps(file, setting(2), 2).buckets;
    ASSERT_EQ(plain.size(), 3U);
    EXPECT_EQ(plain[0].rows, (Counts{8, 3}));
    EXPECT_EQ(plain[0].steps, 7);
    EXPECT_EQ(plain[1].rows, (Counts{8, 4}));
    EXPECT_EQ(plain[1].steps, 100);
    EXPECT_EQ(plain[2].rows, (Counts{8, 8}));
    EXPECT_EQ(plain[2].tokens, (Counts{8, 8}));
    EXPECT_EQ(plain[2].steps, 11);
    EXPECT_FALSE(plain[2].phase);
    // On four ranks a DP rank has two, and its rows are even.
    const auto cut = bucket_steps(file, setting(2), 4).not_this_question;
    EXPECT_EQ(cut, (Reasons{{"4 ranks are not dp 2", 118}}));
}

TEST(Buckets, AreOfThePhasesAskedFor) {
    const auto file = steps_of("vllm,decode,,3;2,5\nvllm,prefill,,9;2,7\nvllm,mixed,,9;1,1\n");
    const std::vector phases{kDecode, StepPhase::mixed};
    auto params = setting(2);
    const auto found = bucket_steps(file, params, 2, phases);
    ASSERT_EQ(found.buckets.size(), 2U);
    EXPECT_EQ(found.buckets[0].phase, kDecode);
    EXPECT_EQ(found.buckets[1].phase, StepPhase::mixed);
    EXPECT_EQ(found.not_this_question, (Reasons{{"phase prefill", 7}}));
    // Decode rows alone are padded to those of graphs, whoever's rule pads ranks to each other.
    params.graph_sizes.rows = {8};
    const auto padded = bucket_steps(file, params, 2).buckets;
    ASSERT_EQ(padded.size(), 3U);
    EXPECT_EQ(padded[0].rows, (Counts{9, 2}));
    EXPECT_EQ(padded[1].rows, (Counts{8, 8}));
    EXPECT_EQ(padded[2].rows, (Counts{9, 1}));
}

TEST(Buckets, AreAsTheEnginePads) {
    const auto file = steps_of(
        "sglang,decode,,8;7;6;0,\n"   // 2 * 21 of 32: padded
        "sglang,decode,,9;0;0;0,\n"   // 18 of 36: not
        "sglang,prefill,,8;7;6;0,\n"  // never
        "sglang,decode,,5;8;8;8,\n");
    const auto rows = [&](PaddingRule padding) {
        std::vector<Counts> all;
        for (const auto& bucket : bucket_steps(file, setting(4, padding), 4).buckets) {
            all.push_back(bucket.rows);
        }
        return all;
    };
    EXPECT_EQ(rows(&find_engine_rules("sglang-0.5.22")),
              (std::vector<Counts>{{8, 7, 6, 0}, {8, 8, 8, 8}, {9, 0, 0, 0}}));
    EXPECT_EQ(rows(Padding::max_len), (std::vector<Counts>{{8, 8, 8, 8}, {9, 9, 9, 9}}));
    EXPECT_EQ(bucket_steps(steps_of("vllm,,,3;2,\n"), setting(2), 4).buckets[0].rows,
              (Counts{4, 2}));
}

TEST(Buckets, LeaveOutWhatIsNotThisQuestion) {
    const auto reasons = [](const std::string& comment, const std::string& row, int ranks) {
        const auto file = parse_steps(comment + "\nengine,tokens_per_rank,count\n" + row, "f");
        return bucket_steps(file, setting(file.dp_ranks()), ranks).not_this_question;
    };
    EXPECT_EQ(reasons("#", "sglang,1;1,3\n", 2), Reasons());
    EXPECT_EQ(reasons("#", "sglang,0;0,3\n", 2), (Reasons{{"no tokens", 3}}));
    EXPECT_EQ(reasons("#", "sglang,4,3\n", 2), (Reasons{{"dp is 1", 3}}));
    EXPECT_EQ(reasons("# ep=1", "sglang,1;1,3\n", 2), (Reasons{{"ep 1 is not dp 2", 3}}));
    EXPECT_EQ(reasons("# ep=1", "vllm,1;1,3\n", 2), Reasons());
    EXPECT_EQ(reasons("# all_to_all=deepep", "vllm,1;1,3\n", 2),
              (Reasons{{"all-to-all backend deepep", 3}}));
    EXPECT_EQ(reasons("# all_to_all=allgather_reducescatter", "vllm,1;1,3\n", 2), Reasons());
}

TEST(Buckets, NeedThePhaseWhereThePaddingAsksForIt) {
    const auto file = steps_of("sglang,,,1;1,\n");
    EXPECT_THROW(
        static_cast<void>(bucket_steps(file, setting(2, &find_engine_rules("sglang-0.5.23")), 2)),
        BadArgument);
}

double rows_apart(const Bucket& one, const Bucket& other) {
    double sum = 0;
    for (std::size_t rank = 0; rank < one.rows.size(); ++rank) {
        sum += std::abs(static_cast<double>(one.rows[rank] - other.rows[rank]));
    }
    return sum;
}

std::vector<Bucket> random_buckets(int count, int dp, std::mt19937_64& random) {
    std::vector<Bucket> buckets;
    for (int i = 0; i < count; ++i) {
        auto& bucket = buckets.emplace_back();
        bucket.steps = 1 + static_cast<std::int64_t>(random() % 1000);
        if (random() % 3 == 0) bucket.phase = kDecode;
        for (int rank = 0; rank < dp; ++rank) {
            bucket.rows.push_back(static_cast<std::int64_t>(random() % (1U << (random() % 14))));
        }
        bucket.tokens = bucket.rows;
    }
    return buckets;
}

TEST(Grouping, OfFewBucketsIsExact) {
    std::mt19937_64 random(7);
    auto buckets = random_buckets(24, 4, random);
    const auto grouping = group_buckets(buckets, 24);
    EXPECT_EQ(grouping.representatives.size(), 24U);
    EXPECT_EQ(grouping.mean_error, 0);
    EXPECT_EQ(grouping.largest_error, 0);
}

TEST(Grouping, StandsForAllStepsAndSaysHowFarItIsOff) {
    std::mt19937_64 random(11);
    for (const int dp : {1, 2, 8}) {
        for (const int count : {25, 300, 2000}) {
            const auto buckets = random_buckets(count, dp, random);
            std::int64_t steps = 0;
            for (const auto& bucket : buckets) steps += bucket.steps;
            double before = std::numeric_limits<double>::infinity();
            for (const std::size_t most : {2U, 6U, 24U}) {
                const auto grouping = group_buckets(buckets, most);
                EXPECT_LE(grouping.representatives.size(), most);
                EXPECT_EQ(grouping.steps, steps);
                std::int64_t stood_for = 0;
                for (const auto& one : grouping.representatives) {
                    stood_for += one.steps;
                    EXPECT_TRUE(std::ranges::any_of(buckets, [&](const Bucket& bucket) {
                        return bucket.rows == one.rows && bucket.phase == one.phase;
                    }));
                }
                EXPECT_EQ(stood_for, steps);
                // No assignment of steps to these is nearer than the nearest of their phase.
                double nearest = 0;
                for (const auto& bucket : buckets) {
                    double least = std::numeric_limits<double>::infinity();
                    for (const auto& one : grouping.representatives) {
                        if (one.phase != bucket.phase) continue;
                        least = std::min(least, rows_apart(bucket, one));
                    }
                    nearest += least * static_cast<double>(bucket.steps);
                }
                EXPECT_GE(grouping.mean_error * (1 + 1e-9), nearest / static_cast<double>(steps));
                EXPECT_GE(grouping.largest_error, grouping.mean_error);
                EXPECT_LT(grouping.mean_error, before);
                before = grouping.mean_error;
            }
        }
    }
}

TEST(Grouping, FindsWhatStepsGatherAround) {
    std::vector<Bucket> buckets;
    for (const std::int64_t center : {100, 1000, 5000}) {
        for (std::int64_t off = -2; off <= 2; ++off) {
            buckets.push_back({{}, {center + off, center}, {center + off, center}, 10});
        }
    }
    const auto grouping = group_buckets(buckets, 3);
    std::vector<Counts> rows;
    for (const auto& one : grouping.representatives) rows.push_back(one.rows);
    std::ranges::sort(rows);
    EXPECT_EQ(rows, (std::vector<Counts>{{100, 100}, {1000, 1000}, {5000, 5000}}));
    EXPECT_DOUBLE_EQ(grouping.mean_error, 1.2);
    EXPECT_EQ(grouping.largest_error, 2);
}

Options options_of(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "bench_moe_comm");
    return parse_command_line(static_cast<int>(arguments.size()), arguments.data()).options;
}

TEST(StepCases, HaveTheRowsOfTheirSteps) {
    std::mt19937_64 random(3);
    std::string rows;
    for (int i = 0; i < 500; ++i) {
        rows +=
            fmt::format("sglang,{},{},{};{};{};{},{}\n", random() % 2 == 0 ? "decode" : "prefill",
                        random() % 2 == 0 ? "256" : "", random() % 256, random() % 256,
                        random() % 9, random() % 256, 1 + random() % 5);
    }
    const auto file = steps_of(rows);
    const auto options =
        options_of({"--hidden", "64", "--padding", "sum_len,sglang:0.5.22", "--dtype", "bf16,f32"});
    const auto sweep = group_steps(options, file, 4);
    const auto cases = expand_steps(options, sweep, 4);
    ASSERT_EQ(sweep.settings.size(), 4U);
    std::vector<std::int64_t> total(1);
    for (const auto& step : file.steps) total.front() += step.count;
    std::size_t at = 0;
    for (const auto& one : sweep.settings) {
        EXPECT_LE(one.grouping.representatives.size(), options.step_cases);
        EXPECT_EQ(one.grouping.steps, total.front());
        for (const auto& step : one.grouping.representatives) {
            const auto& params = cases.at(at++);
            EXPECT_EQ(params.steps, step.steps);
            EXPECT_EQ(setting_label(params), one.label);
            const auto layout = lay_out(params, 4);
            ASSERT_EQ(layout.obstacle, "");
            EXPECT_EQ(layout.row_map->rows(),
                      std::accumulate(step.rows.begin(), step.rows.end(), std::int64_t{0}));
        }
    }
    EXPECT_EQ(at, cases.size());
}

TEST(StepCases, AreAsManyAsAskedFor) {
    const auto file = steps_of(",,,8;1,\n,,,9;9,\n,,,100;2,\n,,,70;3,\n");
    for (const auto& [asked, got] :
         std::map<std::string, std::size_t>{{"1", 1}, {"3", 3}, {"24", 4}}) {
        const auto options = options_of({"--step-cases", asked.c_str()});
        const auto sweep = group_steps(options, file, 2);
        EXPECT_EQ(expand_steps(options, sweep, 2).size(), got) << asked;
    }
}

// What all steps take is added up by label.
TEST(StepCases, OfEachSettingHaveALabelOfTheirOwn) {
    const auto options = options_of({"--model",    "custom,qwen3-30b-a3b",
                                     "--hidden",   "64,32",
                                     "--ep",       "1,2",
                                     "--dtype",    "bf16,f32",
                                     "--graph",    "both",
                                     "--gather",   "all_reduce_zero_fill,all_gatherv",
                                     "--skew",     "0,50",
                                     "--sms",      "default,4",
                                     "--cache",    "warm,cold",
                                     "--beside",   "none,gemm",
                                     "--padding",  "sum_len,sglang",
                                     "--epilogue", "none,residual_norm",
                                     "--routing",  "uniform,zipf:1"});
    const auto sweep = group_steps(options, steps_of(",decode,,8;1,\n"), 2);
    std::set<std::string> labels;
    for (const auto& setting : sweep.settings) labels.insert(setting.label);
    EXPECT_EQ(labels.size(), std::size_t{1} << 13U);
    EXPECT_EQ(labels.size(), sweep.settings.size());
}

TEST(StepSweep, ArrivesAsItWasSent) {
    auto sent =
        group_steps(options_of({"--padding", "sglang,sum_len"}),
                    parse_steps("# ep=2\nengine,version,phase,tokens_per_rank,count,step_us\n"
                                "sglang,0.5.23,decode,3;8,2,10\nsglang,0.5.23,prefill,900;7,1,20\n"
                                "sglang,0.5.23,decode,0;0,3,5\n",
                                "a \xff path"),
                    2);
    sent.file_hash = "0123";
    const auto got = parse_step_sweep(to_text(sent));
    EXPECT_EQ(got.source, "a \xff path");
    EXPECT_EQ(got.engines, (std::vector<std::string>{"sglang 0.5.23"}));
    EXPECT_EQ(got.engine_seconds, sent.engine_seconds);
    EXPECT_EQ(got.dp, 2);
    EXPECT_EQ(got.ep, 2);
    EXPECT_EQ(got.file_hash, "0123");
    EXPECT_EQ(steps_text(got), steps_text(sent));
    ASSERT_EQ(got.settings.size(), sent.settings.size());
    for (std::size_t i = 0; i < got.settings.size(); ++i) {
        const auto& groups = sent.settings[i].grouping.representatives;
        ASSERT_EQ(got.settings[i].grouping.representatives.size(), groups.size());
        for (std::size_t j = 0; j < groups.size(); ++j) {
            const auto& bucket = got.settings[i].grouping.representatives[j];
            EXPECT_EQ(bucket.phase, groups[j].phase);
            EXPECT_EQ(bucket.rows, groups[j].rows);
            EXPECT_EQ(bucket.tokens, groups[j].tokens);
            EXPECT_EQ(bucket.steps, groups[j].steps);
        }
    }
}

std::string refusal(const Options& options, const StepFile& file, int ranks) {
    try {
        static_cast<void>(group_steps(options, file, ranks));
    } catch (const BadArgument& error) {
        return error.what();
    }
    return "none";
}

TEST(StepCases, AreOfTheDeploymentOfTheFile) {
    const auto file = parse_steps("# tp=4 ep=4\ntokens_per_rank\n1;1;1;1\n", "f");
    const auto ep_of = [&](const Options& options) {
        return expand_steps(options, group_steps(options, file, 4), 4).front().ep;
    };
    EXPECT_EQ(ep_of(options_of({})), 4);
    EXPECT_EQ(ep_of(options_of({"--ep", "2"})), 2);
    EXPECT_EQ(refusal(options_of({}), file, 2), "--steps: f is of tp 4; here are 2 ranks");
    EXPECT_EQ(refusal(options_of({"--dp", "2,4"}), file, 4),
              "--dp '2,4': the steps of f are of 4 DP ranks");
    EXPECT_EQ(refusal(options_of({"--dp", "all"}), file, 4),
              "--dp 'all': the steps of f are of 4 DP ranks");
    const auto idle = parse_steps("tokens_per_rank,count\n0;0,7\n", "f");
    EXPECT_EQ(refusal(options_of({}), idle, 2),
              "--steps: none of f is this question (no tokens: 7)");
    EXPECT_EQ(refusal(options_of({"--traffic", "isl=1,osl=1,conc=1"}), idle, 2),
              "--traffic: none of f is this question (no tokens: 7)");
}

}  // namespace
}  // namespace moe
