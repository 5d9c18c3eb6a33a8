// What SGLang would do with a step, as tables of hand-worked cases.
#include "bench/moe/engine_path.hpp"
#include "bench/moe/sglang_gate.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace moe {
namespace {

using Counts = std::vector<std::int64_t>;
constexpr auto kNone = Padding::sum_len;
constexpr auto kMax = Padding::max_len;
constexpr auto k22 = SglangVersion::v0_5_22;
constexpr auto k23 = SglangVersion::v0_5_23;
constexpr std::int64_t kRow = 8192;  // 4096 elements of bf16: 2048 rows are 16 MiB

TEST(SglangPadding, OfDecodeFollowsTheRuleOfTheVersion) {
    struct Row {
        Counts tokens;
        int attn_tp;
        std::int64_t row_bytes;
        Padding old_eager, old_graph, eager, graph;
    };
    for (const auto& [tokens, attn_tp, row_bytes, old_eager, old_graph, eager, graph] : {
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
        const auto padding = [&](SglangVersion version, bool in_graph) {
            return sglang_padding(version, {StepPhase::decode, in_graph, row_bytes}, tokens,
                                  attn_tp);
        };
        const auto which = ::testing::PrintToString(tokens) + " " + std::to_string(attn_tp);
        EXPECT_EQ(padding(k22, false), old_eager) << which;
        EXPECT_EQ(padding(k22, true), old_graph) << which;
        EXPECT_EQ(padding(k23, false), eager) << which;
        EXPECT_EQ(padding(k23, true), graph) << which;
    }
}

TEST(SglangPadding, IsNoneForAStepWithAnyPrefill) {
    for (const Counts& tokens : {Counts{4, 4, 4}, Counts{512, 8, 8}, Counts{4, 4, 0}, Counts{0}}) {
        for (const auto phase : {StepPhase::prefill, StepPhase::mixed}) {
            for (const bool graph : {false, true}) {
                for (const auto version : {k22, k23}) {
                    EXPECT_EQ(sglang_padding(version, {phase, graph, kRow}, tokens, 1), kNone);
                }
            }
        }
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

TEST(EnginePath, IsWhatEnginesRunByDefault) {
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
             Row{plain, kNone, "reduce_scatter_padded", "sglang-0.5.23:rs"},
             Row{plain, kNone, "reduce_scatterv_collapse", "vllm-0.33"},
             Row{plain, kNone, "all_reduce_slice", "sglang-deterministic"},
             Row{plain, Padding::max_len, "reduce_scatter_padded", "sglang-0.5.23"},
             Row{closed, kNone, "all_reduce_engine_dp_scatter", "sglang-0.5.23"},
             Row{closed, kNone, "reduce_scatterv_grouped", "sglang-0.5.23:rsv"},
             Row{plain, kNone, "reduce_scatterv_peer", ""},
             Row{closed, Padding::max_len, "reduce_scatter_padded", "sglang-0.5.23"},
             Row{grouped, kNone, "all_reduce_engine_dp_scatter", "sglang-0.5.23"},
             Row{grouped, kNone, "reduce_scatterv_collapse", ""},
             Row{tensor, kNone, "all_reduce_engine_dp_scatter", ""},
         }) {
        EXPECT_EQ(engine_path(combine, parallel, padding), want) << combine;
    }
}

}  // namespace
}  // namespace moe
