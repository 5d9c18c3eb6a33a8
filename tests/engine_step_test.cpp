// What engines would do with a step, as tables of hand-worked cases.
#include "bench/moe/engine_gate.hpp"
#include "bench/moe/engine_padding.hpp"
#include "bench/moe/engine_path.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace moe {
namespace {

using Counts = std::vector<std::int64_t>;
constexpr auto kNone = Padding::sum_len;
constexpr auto kMax = Padding::max_len;
constexpr std::int64_t kRow = 8192;  // 4096 elements of bf16: 2048 rows are 16 MiB

TEST(SglangPadding, OfDecodeFollowsTheRuleOfTheVersion) {
    struct Row {
        Counts tokens;
        int attn_tp;
        std::int64_t row_bytes;
        Padding old_eager, old_graph, eager, graph;
    };
    for (const auto& row : {
             // No rank is idle. The older rule: 2 * sum against ranks * largest.
             Row{{4, 4, 4, 4}, 1, kRow, kMax, kMax, kNone, kNone},
             Row{{5, 1, 1}, 1, kRow, kNone, kMax, kNone, kNone},  // 14 of 15
             Row{{5, 2, 1}, 1, kRow, kMax, kMax, kNone, kNone},   // 16 of 15
             Row{{9}, 1, kRow, kMax, kMax, kNone, kNone},
             // A rank is idle: both go by the older rule.
             Row{{8, 7, 6, 0}, 1, kRow, kMax, kMax, kMax, kMax},    // 42 of 32
             Row{{8, 8, 0, 0}, 1, kRow, kMax, kMax, kMax, kMax},    // 32 of 32
             Row{{8, 7, 0, 0}, 1, kRow, kNone, kMax, kNone, kMax},  // 30 of 32
             Row{{9, 0, 0, 0}, 1, kRow, kNone, kMax, kNone, kMax},
             Row{{0, 9, 0}, 1, kRow, kNone, kMax, kNone, kMax},  // 18 of 27
             Row{{9, 0}, 1, kRow, kMax, kMax, kMax, kMax},       // 18 of 18
             Row{{0, 0}, 1, kRow, kMax, kMax, kMax, kMax},
             // 16 MiB exactly, and a row more.
             Row{{1024, 1024}, 1, kRow, kMax, kMax, kNone, kNone},
             Row{{1025, 1024}, 1, kRow, kMax, kMax, kMax, kMax},
             Row{{2046, 1, 1}, 1, kRow, kNone, kMax, kNone, kNone},
             Row{{2047, 1, 1}, 1, kRow, kNone, kMax, kNone, kMax},
             Row{{1024, 1024}, 1, kRow + 2, kMax, kMax, kMax, kMax},
             Row{{1, 1}, 1, 16 << 20, kMax, kMax, kMax, kMax},
             Row{{1}, 1, 16 << 20, kMax, kMax, kNone, kNone},
             Row{{1}, 1, (16 << 20) + 1, kMax, kMax, kMax, kMax},
             // Rounded up to attn_tp: 7 is 8 rows, 32 of 32; 1023 is 1024.
             Row{{8, 7, 0, 0}, 2, kRow, kMax, kMax, kMax, kMax},
             Row{{1023, 1023}, 2, kRow, kMax, kMax, kNone, kNone},
             Row{{1023, 1025}, 2, kRow, kMax, kMax, kMax, kMax},
             Row{{1, 1, 1}, 4, kRow, kMax, kMax, kNone, kNone},
             Row{{1 << 24, 1}, 1, 1 << 18, kMax, kMax, kMax, kMax},
             Row{{1LL << 44, 1, 1}, 1, 1 << 18, kNone, kMax, kNone, kMax},
         }) {
        const auto padding = [&row](const char* release, bool in_graph) {
            return engine_padding(find_engine_rules(release),
                                  {StepPhase::decode, in_graph, row.row_bytes}, row.tokens,
                                  row.attn_tp);
        };
        const auto which = ::testing::PrintToString(row.tokens) + " " + std::to_string(row.attn_tp);
        EXPECT_EQ(padding("sglang-0.5.22", false), row.old_eager) << which;
        EXPECT_EQ(padding("sglang-0.5.22", true), row.old_graph) << which;
        EXPECT_EQ(padding("sglang-0.5.23", false), row.eager) << which;
        EXPECT_EQ(padding("sglang-0.5.23", true), row.graph) << which;
    }
}

TEST(SglangPadding, IsNoneForAStepWithAnyPrefill) {
    for (const Counts& tokens : {Counts{4, 4, 4}, Counts{512, 8, 8}, Counts{4, 4, 0}, Counts{0}}) {
        for (const auto phase : {StepPhase::prefill, StepPhase::mixed}) {
            for (const bool graph : {false, true}) {
                for (const auto* release : {"sglang-0.5.22", "sglang-0.5.23"}) {
                    const auto& rules = find_engine_rules(release);
                    EXPECT_TRUE(padding_asks_for_phase(rules));
                    EXPECT_EQ(engine_padding(rules, {phase, graph, kRow}, tokens, 1), kNone);
                }
            }
        }
    }
}

/// Ranks are made equal in graphs only, whatever the step does.
TEST(VllmPadding, IsThatOfTheLongestRankInAGraph) {
    const auto& rules = find_engine_rules("vllm-0.33");
    EXPECT_FALSE(padding_asks_for_phase(rules));
    for (const Counts& tokens :
         {Counts{4, 4, 4}, Counts{512, 8, 8}, Counts{4, 4, 0}, Counts{9, 0}, Counts{1 << 20, 1}}) {
        for (const auto phase : {StepPhase::prefill, StepPhase::decode, StepPhase::mixed}) {
            EXPECT_EQ(engine_padding(rules, {phase, false, kRow}, tokens, 1), kNone);
            EXPECT_EQ(engine_padding(rules, {phase, true, kRow}, tokens, 1), kMax);
        }
    }
}

TEST(EngineGate, IsClosedByTheFirstConditionThatDoesNotHold) {
    struct Row {
        Parallel parallel;
        const char *sglang, *vllm;
    };
    for (const auto& [parallel, sglang, vllm] : {
             Row{{4, 4, 4}, "", ""},
             Row{{1, 1, 1}, "dp is 1", "dp is 1"},
             Row{{4, 4, 2}, "ep 2 is not dp 4", ""},
             Row{{8, 4, 4}, "8 ranks are not dp 4", "8 ranks are not dp 4"},
             Row{{8, 4, 8}, "ep 8 is not dp 4", "8 ranks are not dp 4"},
         }) {
        EXPECT_EQ(gate_closed_by(find_engine_rules("sglang-0.5.22"), parallel), sglang);
        EXPECT_EQ(gate_closed_by(find_engine_rules("sglang-0.5.23"), parallel), sglang);
        EXPECT_EQ(gate_closed_by(find_engine_rules("vllm-0.33"), parallel), vllm);
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

/// What a step runs for each value of the flag: of SGLang rsv goes before rs where both may be.
TEST(EngineStrategies, FollowTheFlag) {
    struct Row {
        const char* value;
        Parallel parallel;
        Padding padding;
        const char* combine;
    };
    const Parallel open{4, 4, 4}, closed{4, 4, 2};
    constexpr auto* kAr = "all_reduce_engine_dp_scatter";
    constexpr auto* kRs = "reduce_scatter_padded";
    constexpr auto* kRsv = "reduce_scatterv_grouped";
    for (const auto* release : {"sglang-0.5.22", "sglang-0.5.23"}) {
        const auto& rules = find_engine_rules(release);
        EXPECT_EQ(rules.flag->name, "--boundary-reduction");
        EXPECT_EQ(rules.flag->default_value, "rs+rsv");
        EXPECT_EQ(rules.flag->combine.size(), 4U);
        for (const auto& [value, parallel, padding, combine] : {
                 Row{"ar", open, kNone, kAr},
                 Row{"ar", open, kMax, kAr},
                 Row{"ar", closed, kMax, kAr},
                 Row{"rs", open, kNone, kAr},
                 Row{"rs", open, kMax, kRs},
                 Row{"rs", closed, kNone, kAr},
                 Row{"rs", closed, kMax, kRs},
                 Row{"rsv", open, kNone, kRsv},
                 Row{"rsv", open, kMax, kRsv},
                 Row{"rsv", closed, kNone, kAr},
                 Row{"rsv", closed, kMax, kAr},
                 Row{"rs+rsv", open, kNone, kRsv},
                 Row{"rs+rsv", open, kMax, kRsv},
                 Row{"rs+rsv", closed, kNone, kAr},
                 Row{"rs+rsv", closed, kMax, kRs},
             }) {
            const auto found = engine_strategies(rules, value, parallel, padding);
            EXPECT_EQ(found.combine, combine) << value << " " << to_string(padding);
            EXPECT_EQ(found.gather,
                      padding == kMax ? "all_gather_padded" : "all_reduce_engine_zero_fill");
        }
    }
    const auto vllm = [&](const Parallel& parallel, Padding padding) {
        const auto found = engine_strategies(find_engine_rules("vllm-0.33"),
                                             "allgather_reducescatter", parallel, padding);
        return found.gather + " " + found.combine;
    };
    EXPECT_EQ(vllm(open, kNone), "all_gatherv reduce_scatterv_collapse");
    EXPECT_EQ(vllm(closed, kMax), "all_gather_padded reduce_scatterv_collapse");
    EXPECT_EQ(vllm({8, 4, 4}, kNone), "all_gatherv ");
}

TEST(EnginePath, IsWhatEnginesRunByDefaultOrWhenTold) {
    struct Row {
        Parallel parallel;
        Padding padding;
        std::string_view combine;
        const char* want;
    };
    const Parallel plain{4, 4, 4}, closed{4, 4, 2}, grouped{8, 4, 4}, tensor{4, 1, 4};
    for (const auto& [parallel, padding, combine, want] : {
             Row{plain, kNone, "reduce_scatterv_grouped", "sglang-0.5.23"},
             Row{plain, kNone, "all_reduce_engine_dp_scatter", "sglang-0.5.23:ar"},
             Row{plain, kNone, "reduce_scatter_padded", ""},
             Row{plain, kNone, "reduce_scatterv_collapse", "vllm-0.33"},
             Row{plain, kNone, "all_reduce_slice", "sglang-deterministic"},
             Row{plain, kMax, "reduce_scatter_padded", "sglang-0.5.23:rs"},
             Row{plain, kMax, "reduce_scatterv_grouped", "sglang-0.5.23"},
             Row{plain, kMax, "all_reduce_engine_dp_scatter", "sglang-0.5.23:ar"},
             Row{closed, kNone, "all_reduce_engine_dp_scatter", "sglang-0.5.23"},
             Row{closed, kNone, "reduce_scatterv_grouped", ""},
             Row{closed, kNone, "reduce_scatterv_collapse", "vllm-0.33"},
             Row{plain, kNone, "reduce_scatterv_peer", ""},
             Row{closed, kMax, "reduce_scatter_padded", "sglang-0.5.23"},
             Row{closed, kMax, "all_reduce_engine_dp_scatter", "sglang-0.5.23:ar"},
             Row{grouped, kNone, "all_reduce_engine_dp_scatter", "sglang-0.5.23"},
             Row{grouped, kNone, "reduce_scatterv_collapse", ""},
             Row{tensor, kNone, "all_reduce_engine_dp_scatter", ""},
         }) {
        EXPECT_EQ(engine_path(combine, parallel, padding), want) << combine;
    }
}

}  // namespace
}  // namespace moe
