// What all steps take with each strategy, of rows made by hand.
#include "bench/steps/step_totals.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace moe {
namespace {

ResultRow row(std::string combine, double output_us, double layer_us = 0) {
    ResultRow row;
    row.claim = Claim::interconnect;
    row.is_baseline = combine == "base";
    row.combine = std::move(combine);
    if (output_us > 0) row.output = Timing{{output_us, {}, {}}, {}, {}, {}};
    if (layer_us > 0) row.layer = Timing{{layer_us, {}, {}}, {}, {}, {}};
    return row;
}

Case case_of(std::int64_t steps) {
    Case params;
    params.gather = gather_table().front();
    params.steps = steps;
    params.phase = steps == 10 ? StepPhase::decode : StepPhase::prefill;
    return params;
}

StepSweep sweep_of(std::int64_t steps) {
    StepSweep sweep;
    sweep.source = "f";
    sweep.settings.emplace_back().label = setting_label(case_of(1));
    sweep.settings.front().grouping.steps = steps;
    return sweep;
}

std::string table_of(const StepTotals& totals, std::int64_t steps) {
    const auto text = totals.text(sweep_of(steps));
    return text.substr(text.find(": ", text.find('\n')) + 2);
}

TEST(StepTotals, AreMediansTimesSteps) {
    StepTotals totals;
    totals.add(case_of(10), std::vector{row("base", 100, 1000), row("a", 50, 900)});
    totals.add(case_of(1000), std::vector{row("base", 1, 20), row("a", 2, 21)});
    EXPECT_EQ(
        table_of(totals, 1010),
        "1010 steps\n"
        "    base                        output 0.002 s, layer 0.03 s\n"
        "    a                           output 0.0025 s (0.800 times the speed), layer 0.03 s\n");
    EXPECT_TRUE(totals.text(sweep_of(1010)).starts_with("All steps of f, one after the other:"));
}

TEST(StepTotals, AreOfEachSettingByItself) {
    auto beside = case_of(10), cold = case_of(10);
    beside.beside = Beside::gemm;
    cold.cache = Cache::cold;
    StepTotals totals;
    totals.add(case_of(10), std::vector{row("base", 100)});
    totals.add(beside, std::vector{row("base", 200)});
    totals.add(cold, std::vector{row("base", 300)});
    auto sweep = sweep_of(10);
    for (const auto& params : {beside, cold}) {
        sweep.settings.push_back(sweep.settings.front());
        sweep.settings.back().label = setting_label(params);
    }
    const auto text = totals.text(sweep);
    for (const auto* seconds : {"0.001", "0.002", "0.003"}) {
        EXPECT_NE(text.find(fmt::format("base                        output {} s\n", seconds)),
                  std::string::npos)
            << text;
    }
}

TEST(StepTotals, AreOfAllStepsOrOfNone) {
    StepTotals totals;
    totals.add(case_of(10), std::vector{row("base", 100), row("a", 0)});
    totals.add(case_of(1000), std::vector{row("base", 1), row("a", 2, 21)});
    EXPECT_EQ(table_of(totals, 1010),
              "1010 steps\n"
              "    base                        output 0.002 s\n"
              "    a                           no time of 10 steps in this run\n");
}

TEST(StepTotals, SayWhyTheirTimesGiveNoVerdict) {
    StepTotals totals;
    auto shared = row("base", 100);
    shared.claim = Claim::functional;
    totals.add(case_of(10), std::vector{shared});
    EXPECT_TRUE(table_of(totals, 10).starts_with("10 steps, no verdict: functional\n"));
}

TEST(StepTotals, AreNoneWithoutSteps) {
    StepTotals totals;
    totals.add(case_of(0), std::vector{row("base", 100)});
    EXPECT_EQ(totals.text(sweep_of(10)), "");
}

}  // namespace
}  // namespace moe
