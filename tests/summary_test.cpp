// The text at a sweep's end, of rows made by hand.
#include "bench/report/summary.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace moe {
namespace {

ResultRow compared_row(std::string combine, double us, const std::optional<Estimate>& speedup) {
    ResultRow row;
    row.model = "m";
    row.dtype = "bf16";
    row.claim = Claim::memory;
    row.is_baseline = combine == "base";
    row.combine = std::move(combine);
    if (us > 0) row.output = Timing{{us, us, us}, {}, {}, {}, speedup, {}};
    return row;
}
const auto kBase = compared_row("base", 100, Estimate{1, 1, 1});

std::string summary_of(const std::vector<std::vector<ResultRow>>& cases) {
    Summary summary;
    for (const auto& rows : cases) summary.add(rows);
    return summary.text();
}

TEST(Summary, CountsWinsThatAreResolvedAndTheirRange) {
    EXPECT_EQ(
        summary_of({{kBase, compared_row("a", 50, Estimate{2, 1.9, 2.1}),
                     compared_row("b", 80, Estimate{1.25, 1.2, 1.3})},
                    {kBase, compared_row("a", 80, Estimate{1.25, 1.2, 1.3})},
                    {kBase, compared_row("a", 90, Estimate{1.1, 1.05, 1.2}),
                     compared_row("b", 70, Estimate{1.43, 1.4, 1.5})},
                    {kBase, compared_row("a", 95, Estimate{1.05, 0.9, 1.2})},
                    {kBase, compared_row("a", 120, Estimate{0.83, 0.8, 0.9})},
                    {kBase, compared_row("a", 101, Estimate{0.99, 0.9, 1.1})}}),
        "Fastest output step (speed-up against base):\n"
        "  m bf16: 6 cases: a in 2 (1.25 to 2.00), b in 1 (1.43), baseline in 1, not resolved 2\n");
}

TEST(Summary, CasesWithoutATimeOrABaselineAreNoWins) {
    auto obstacle = compared_row("base", 0, {});
    obstacle.obstacle = "no memory";
    EXPECT_EQ(summary_of({{obstacle, compared_row("a", 0, {})}}), "");
    EXPECT_EQ(summary_of({{obstacle, compared_row("a", 50, {})}}),
              "Fastest output step (speed-up against base):\n  m bf16: 1 case: not resolved 1\n");
}

TEST(Summary, DisturbedCasesAreNoWins) {
    auto base = kBase, faster = compared_row("a", 50, Estimate{2, 1.9, 2.1});
    for (auto* result : {&base, &faster}) {
        result->timed_by = "host";
        result->disturbed_pct = 20;
    }
    EXPECT_EQ(summary_of({{base, faster}}),
              "Fastest output step (speed-up against base):\n  m bf16: 1 case: disturbed 1\n");
}

TEST(Summary, TimesThatSayNothingAboutSpeedGetNoVerdict) {
    for (const auto claim : {Claim::functional, Claim::shared_machine}) {
        auto base = kBase;
        auto faster = compared_row("a", 50, Estimate{2, 1.9, 2.1});
        base.claim = faster.claim = claim;
        std::string expected("Measured:\n  m bf16: 1 case, no verdict: claim ");
        expected.append(to_string(claim)).append("\n");
        EXPECT_EQ(summary_of({{base, faster}}), expected);
    }
    auto planted = compared_row("a", 50, Estimate{2, 1.9, 2.1});
    planted.planted_pct = 5;
    EXPECT_NE(summary_of({{kBase, planted}}).find("no verdict: strategies were slowed"),
              std::string::npos);
}

TEST(Summary, KindsOfCasesAreApartAndTheTextStaysShort) {
    std::vector<std::vector<ResultRow>> cases;
    for (int model = 0; model < 30; ++model) {
        auto base = kBase;
        auto faster = compared_row("a", 50, Estimate{2, 1.9, 2.1});
        base.model = std::string("m").append(std::to_string(model));
        faster.model = base.model;
        cases.push_back({base, faster});
    }
    const auto text = summary_of(cases);
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 10);
    EXPECT_NE(text.find("  m7 bf16: 1 case: a in 1 (2.00)\n  and 22 more kinds"), std::string::npos)
        << text;
    auto graph = kBase;
    graph.graph = "on";
    EXPECT_NE(summary_of({{kBase}, {graph}}).find("m bf16, CUDA graph: 1 case"), std::string::npos);
    auto synthetic = kBase;
    synthetic.steps = 7;
    synthetic.steps_source = "synthetic traffic isl=9";
    EXPECT_NE(summary_of({{synthetic}}).find("m bf16, steps of synthetic traffic isl=9: 1 case"),
              std::string::npos);
}

}  // namespace
}  // namespace moe
