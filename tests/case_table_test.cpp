// What the program prints of a case: the table, and the sentence under it with what it compares.
#include "bench/report/case_table.hpp"
#include "bench/report/best_forms.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace moe {
namespace {

ResultRow measured(const char* name, double us, const std::optional<Estimate>& speedup) {
    ResultRow row;
    row.combine = name;
    row.claim = Claim::memory;
    row.mode = "isolated";
    row.is_baseline = speedup && speedup->median == 1;
    row.output = Timing{{us, us - 1, us + 1}, {}, {}, {}, speedup};
    return row;
}

std::string table(std::span<const ResultRow> rows) {
    return case_table(rows, std::nullopt);
}

void expect_said(const std::string& text, const std::string& said) {
    EXPECT_NE(text.find("  " + said + "\n"), std::string::npos) << text;
}

TEST(CaseTable, ComparesTheBestFormsWhateverTheBaseline) {
    std::vector<ResultRow> rows{measured("all_reduce_dp_scatter", 100, Estimate{1, 1, 1}),
                                measured("all_reduce_slice", 90, Estimate{1.11, 1.1, 1.12}),
                                measured("reduce_scatterv_native", 50, Estimate{2, 1.9, 2.1})};
    const Comparison won{"reduce_scatterv_native", "all_reduce_slice", {1.8, 1.7, 1.9}};
    expect_said(case_table(rows, won),
                "reduce_scatterv_native against all_reduce_slice, the best form of each kind: 1.80 "
                "times the speed of the output step [1.70, 1.90] (claim: memory).");
    const Comparison open{
        "reduce_scatterv_native", "all_reduce_slice", {0.99, 0.9, 1.1}, Estimate{0.9, 0.85, 0.995}};
    for (auto& row : rows) row.mode = "pipelined";
    expect_said(case_table(rows, open),
                "reduce_scatterv_native against all_reduce_slice, the best form of each kind: 0.99 "
                "times the throughput of the output step [0.90, 1.10], not resolved; 0.900 times "
                "that of the layer [0.850, 0.995] (claim: memory).");
    rows[2].planted_pct = 30;
    EXPECT_EQ(case_table(rows, won).find("the best form of each kind"), std::string::npos);
}

TEST(BestForms, AreComparedWithWhatEnginesRunAndTheLibraryBesideIt) {
    const std::vector<double> library{4, 4, 4, 4, 4, 4}, fast{1, 1, 1, 1, 1, 1},
        engines{2, 2, 2, 2, 2, 2}, scatter{1.6, 1.6, 1.6, 1.6, 1.6, 1.6};
    std::vector<FormSamples> timed{
        {"all_reduce_dp_scatter", Form::all_reduce, library, {}, false, true},
        {"all_reduce_push_dp_scatter", Form::all_reduce, fast},
        {"all_reduce_engine_dp_scatter", Form::all_reduce, engines, {}, true},
        {"reduce_scatterv_push", Form::reduce_scatter, scatter}};
    const auto found = compare_best_forms(timed);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->against, "all_reduce_engine_dp_scatter");
    EXPECT_DOUBLE_EQ(found->output.median, 1.25);
    ASSERT_TRUE(found->beside);
    EXPECT_EQ(found->beside->against, "all_reduce_dp_scatter");
    EXPECT_DOUBLE_EQ(found->beside->output.median, 2.5);
    const std::vector<ResultRow> rows{measured("all_reduce_dp_scatter", 4, Estimate{1, 1, 1})};
    const auto text = case_table(rows, found);
    EXPECT_NE(text.find("reduce_scatterv_push against all_reduce_engine_dp_scatter, the all_reduce "
                        "that engines run: 1.25 times the speed of the output step"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("against all_reduce_dp_scatter, the library's all_reduce: 2.50 times"),
              std::string::npos)
        << text;
    timed.erase(timed.begin() + 2);
    EXPECT_EQ(compare_best_forms(timed)->against, "all_reduce_push_dp_scatter");
    EXPECT_FALSE(compare_best_forms(timed)->beside);
}

TEST(CaseTable, NamesNoWinnerWhereOthersWorkedOnTheCores) {
    std::vector<ResultRow> rows{measured("all_reduce_dp_scatter", 100, Estimate{1, 1, 1}),
                                measured("reduce_scatterv_native", 50, Estimate{2, 1.9, 2.1})};
    for (auto& row : rows) {
        row.timed_by = "host";
        row.disturbed_pct = 5;
    }
    EXPECT_NE(table(rows).find("* reduce_scatterv_native"), std::string::npos) << table(rows);
    EXPECT_EQ(rows[0].flags(), "");
    for (auto& row : rows) row.disturbed_pct = 31.7;
    EXPECT_EQ(rows[0].flags(), "disturbed");
    expect_said(table(rows),
                "DISTURBED: others had a rank's core for 32 % of the time: no verdict.");
    EXPECT_EQ(table(rows).find("* "), std::string::npos) << table(rows);
    EXPECT_EQ(table(rows).find('!'), std::string::npos) << table(rows);
    // A device's clock does not count what the host waits.
    for (auto& row : rows) row.timed_by = "device";
    EXPECT_EQ(rows[0].flags(), "");
    EXPECT_NE(table(rows).find("* reduce_scatterv_native"), std::string::npos) << table(rows);
}

TEST(CaseTable, GivesNoVerdictWhereTheClaimAllowsNone) {
    std::vector rows{measured("all_reduce_slice", 90, Estimate{1, 1, 1}),
                     measured("reduce_scatterv_native", 50, Estimate{2, 1.9, 2.1})};
    const Comparison won{"reduce_scatterv_native", "all_reduce_slice", {1.8, 1.7, 1.9}};
    const auto expect_no_verdict = [&](Claim claim, const std::string& said) {
        for (auto& row : rows) row.claim = claim;
        for (const auto& text : {table(rows), case_table(rows, won)}) {
            expect_said(text, said);
            EXPECT_EQ(text.find('*'), std::string::npos) << text;
            EXPECT_EQ(text.find(" against "), std::string::npos) << text;
        }
    };
    expect_no_verdict(Claim::shared_machine,
                      "Other processes computed on GPUs of this job: no verdict (claim: "
                      "shared_machine).");
    expect_no_verdict(Claim::functional,
                      "Ranks share cores or a GPU: no verdict (claim: functional).");
}

TEST(CaseTable, ComparesWithTheBaselineWhereThereIsOneKind) {
    const auto baseline = measured("reduce_scatterv_grouped", 100, Estimate{1, 1, 1});
    const auto text =
        table(std::vector{baseline, measured("reduce_scatterv_native", 50, Estimate{2, 1.9, 2.1})});
    EXPECT_NE(text.find("* reduce_scatterv_native"), std::string::npos) << text;
    EXPECT_NE(text.find("2.00 [1.90, 2.10]"), std::string::npos) << text;
    EXPECT_EQ(text.find("not resolved"), std::string::npos) << text;
    expect_said(text,
                "reduce_scatterv_native against reduce_scatterv_grouped, the baseline: 2.00 times "
                "the speed of the output step [1.90, 2.10] (claim: memory).");

    auto open = measured("reduce_scatterv_native", 99, Estimate{1.01, 0.9, 1.1});
    open.layer = Timing{{500, 400, 600}, {}, {}, {}, Estimate{1.2, {}, {}}};
    const auto unsure = table(std::vector{baseline, open});
    EXPECT_NE(unsure.find("[0.90, 1.10] not resolved"), std::string::npos) << unsure;
    expect_said(unsure,
                "reduce_scatterv_native against reduce_scatterv_grouped, the baseline: 1.01 times "
                "the speed of the output step [0.90, 1.10], not resolved; 1.200 times that of the "
                "layer, not resolved (claim: memory).");

    const auto slower = measured("reduce_scatterv_native", 150, Estimate{0.7, 0.6, 0.8});
    expect_said(table(std::vector{baseline, slower}),
                "reduce_scatterv_grouped, the baseline, has the fastest output step.");
    const auto as_fast = measured("reduce_scatterv_native", 101, Estimate{0.99, 0.9, 1.1});
    expect_said(table(std::vector{baseline, as_fast}),
                "No strategy is shown to be faster than reduce_scatterv_grouped, the baseline.");
    expect_said(table(std::vector{baseline}), "Only reduce_scatterv_grouped was timed.");

    auto stuck = baseline;
    stuck.output.reset();
    stuck.obstacle = "no such library";
    expect_said(table(std::vector{stuck, measured("reduce_scatterv_native", 50, {}),
                                  measured("reduce_scatter_padded", 60, {})}),
                "reduce_scatterv_native is the fastest; without a baseline there is no speed-up.");
}

TEST(BestForms, PairsTheFastestOfEachKindRoundByRound) {
    // The machine is twice as slow in every other round; medians of the output step decide who is
    // best, whatever the layer takes.
    const std::vector<double> slow{6, 12, 6, 12, 6, 12, 6, 12}, fast{4, 8, 4, 8, 4, 8, 4, 8},
        faster{2, 4, 2, 4, 2, 4, 2, 4}, layer{9, 9, 9, 9, 9, 9, 9, 9};
    const std::vector<FormSamples> all{
        {"all_reduce_dp_scatter", Form::all_reduce, slow, layer},
        {"reduce_scatter_padded", Form::reduce_scatter, slow, fast},
        {"all_reduce_slice", Form::all_reduce, fast, layer},
        {"reduce_scatterv_native", Form::reduce_scatter, faster, layer},
    };
    const auto best = compare_best_forms(all);
    ASSERT_TRUE(best);
    EXPECT_EQ(best->combine, "reduce_scatterv_native");
    EXPECT_EQ(best->against, "all_reduce_slice");
    EXPECT_EQ(best->output.median, 2);
    EXPECT_EQ(*best->output.low, 2) << "round by round there is no noise";
    EXPECT_EQ(*best->output.high, 2);
    ASSERT_TRUE(best->layer);
    EXPECT_EQ(best->layer->median, 1);
    EXPECT_FALSE(best->layer->excludes(1));

    const std::vector<FormSamples> no_layer{{"a", Form::reduce_scatter, fast},
                                            {"b", Form::all_reduce, faster}};
    const auto slower = compare_best_forms(no_layer);
    ASSERT_TRUE(slower);
    EXPECT_EQ(slower->output.median, 0.5);
    EXPECT_FALSE(slower->layer);
    EXPECT_FALSE(compare_best_forms(std::vector{no_layer[0]})) << "one kind alone";
    EXPECT_FALSE(compare_best_forms({}));
}

TEST(CaseTable, ShowsObstaclesAndWrongResultsInsteadOfTimes) {
    ResultRow stuck;
    stuck.combine = "reduce_scatterv_native";
    stuck.obstacle = "dp 3 does not divide 4 ranks";
    ResultRow wrong;
    wrong.combine = "all_reduce_slice";
    wrong.verified = false;
    wrong.detail = "rank 1: row 3";
    const auto text = table(std::vector<ResultRow>{stuck, wrong});
    EXPECT_NE(text.find("cannot run: dp 3 does not divide 4 ranks"), std::string::npos) << text;
    EXPECT_NE(text.find("WRONG, not timed: rank 1: row 3"), std::string::npos) << text;
}

TEST(CaseTable, SaysWhatFewRanksHaveAndWhatManyDo) {
    std::vector<ResultRow> rows{measured("all_reduce_dp_scatter", 100, Estimate{1, 1, 1})};
    const auto said = [&](const std::vector<std::int64_t>& tokens) {
        rows.front().tokens_per_rank = tokens;
        const auto text = table(rows);
        const auto from = text.find(" (");
        return text.substr(from + 1, text.find(')') - from);
    };
    EXPECT_EQ(said({8, 7, 6, 0}), "(8;7;6;0)");
    const std::vector<std::int64_t> even(256, 12);
    std::vector<std::int64_t> hot(256, 0);
    hot.front() = 900;
    EXPECT_EQ(said(even), "(12 each)");
    EXPECT_EQ(said(hot), "(0 to 900 each)");
    EXPECT_EQ(table(rows).find("late"), std::string::npos);
    rows.front().skew_us = 50;
    EXPECT_NE(table(rows).find(" | all ranks but one up to 50 us late\n"), std::string::npos);
}

TEST(CaseTable, MarksTimesThatBeatTheirLimit) {
    std::vector<ResultRow> rows{measured("all_reduce_dp_scatter", 100, Estimate{1, 1, 1}),
                                measured("reduce_scatterv_native", 50, Estimate{2, 1.9, 2.1})};
    for (auto& row : rows) row.combine_alone = Timing{{20.5, {}, {}}, {}, {}, {}, {}};
    rows[0].limit_us = 22;
    const auto sound = table(rows);
    EXPECT_EQ(sound.find('!'), std::string::npos) << sound;
    rows[1].limit_us = 30;
    const auto flagged = table(rows);
    EXPECT_NE(flagged.find("20.5!"), std::string::npos) << flagged;
    EXPECT_NE(flagged.find("\n  ! below the limit"), std::string::npos) << flagged;
}

ResultRow beside(const char* name, const Estimate& slowdown_pct, const Estimate& gain,
                 double together_us) {
    auto row = measured(name, 20, std::nullopt);
    row.sms = "16";
    row.beside_times = BesideTimes{.gemm_alone = {100, 99, 101},
                                   .output = {25, 24, 26},
                                   .gemm = {110, 109, 111},
                                   .together = {together_us, {}, {}},
                                   .in_turn = {125, {}, {}},
                                   .slowdown_pct = slowdown_pct,
                                   .gain = gain};
    return row;
}

TEST(CaseTable, SaysWhichStrategyDisturbsAGemmLeast) {
    std::vector<ResultRow> rows{
        beside("all_reduce_dp_scatter", {12, 11, 13}, {1.05, 1.04, 1.06}, 119),
        beside("reduce_scatterv_push", {2.5, 2, 3}, {0.99, 0.9, 1.1}, 126)};
    const auto text = table(rows);
    expect_said(text, "beside the experts of a second batch, which take 100.0 us alone");
    expect_said(
        text,
        "reduce_scatterv_push disturbs the GEMM least, which takes 2.5 [2.0, 3.0] % longer; "
        "all_reduce_dp_scatter ends first together with it, 1.05 [1.04, 1.06] times as "
        "fast as one after the other (SMs: 16).");
    EXPECT_NE(text.find("0.99 [0.90, 1.10] not resolved\n"), std::string::npos) << text;
    rows[1].beside_times->shares_core = true;
    expect_said(table(rows),
                "GEMMs take turns with ranks on the same cores: no verdict on what disturbs them.");
    rows[1].beside_times->shares_core = false;
    rows[1].claim = Claim::functional;
    expect_said(table(rows), "No verdict on what disturbs the GEMM either.");
    for (auto& row : rows) row.beside_times.reset();
    EXPECT_EQ(table(rows).find("GEMM"), std::string::npos);
}

TEST(CaseTable, SaysWhenTheExpertsRunAKernelThatIsNotTunedForTheDevice) {
    std::vector<ResultRow> rows{measured("all_reduce_dp_scatter", 100, Estimate{1, 1, 1})};
    rows.front().device = "NVIDIA B200";
    rows.front().experts_kernel = "grouped_gemm_sm80";
    const auto says = [&](bool tuned, const std::optional<Timing>& layer) {
        rows.front().experts_tuned = tuned;
        rows.front().layer = layer;
        return table(rows).find(
                   "\n  Experts run grouped_gemm_sm80, which is not tuned for this device (NVIDIA "
                   "B200): layer times may be longer than an engine's") != std::string::npos;
    };
    EXPECT_TRUE(says(false, rows.front().output));
    EXPECT_FALSE(says(true, rows.front().output));
    EXPECT_FALSE(says(false, std::nullopt)) << "no layer was timed";
}

}  // namespace
}  // namespace moe
