// What the program writes and prints: cells, whole lines, the golden header, tables for a reader.
#include "bench/best_forms.hpp"
#include "bench/report/append_file.hpp"
#include "bench/report/case_table.hpp"
#include "bench/report/finished_cases.hpp"
#include "bench/report/record.hpp"
#include "bench/report/result_row.hpp"
#include "bench/sweep/case.hpp"
#include "bench/sweep/number_list.hpp"
#include "kernels/runtime/error.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

namespace moe {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(Csv, QuotesAndFormatsCells) {
    const Record record{{"a", std::string("say \"hi\", ok")},
                        {"b", std::int64_t{-8}},
                        {"c", 1234567.891},
                        {"d", std::numeric_limits<double>::quiet_NaN()},
                        {"e", true},
                        {"f", Value()},
                        {"g", 0.5},
                        {"h", std::string("two\nlines")}};
    EXPECT_EQ(csv_header(record), "a,b,c,d,e,f,g,h\n");
    EXPECT_EQ(csv_line(record),
              "\"say \"\"hi\"\", ok\",-8,1.23457e+06,,true,,0.5,\"two\nlines\"\n");
    EXPECT_EQ(csv_line({{"a", Value()}, {"b", std::int64_t{1}}}), ",1\n");
}

TEST(Csv, HeaderIsTheGoldenOne) {
    EXPECT_EQ(csv_header(ResultRow{}.record()), read(fs::path(GOLDEN_DIR) / "results_header.csv"));
}

class AppendFileTest : public testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::temp_directory_path() / ("append_file_test_" + std::to_string(::getpid()));
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }
    [[nodiscard]] std::string path(const char* name) const { return folder_ / name; }

    fs::path folder_;
};

TEST_F(AppendFileTest, StartsWithTheHeaderAndGoesOnWhereItWas) {
    for (int run = 0; run < 2; ++run) {
        AppendFile file(path("r.csv"), "a,b\n");
        file.append("1,2\n");
    }
    EXPECT_EQ(read(path("r.csv")), "a,b\n1,2\n1,2\n");
}

TEST_F(AppendFileTest, RefusesOtherColumnsALockedFileAndWhatCannotBeOpened) {
    { AppendFile file(path("r.csv"), "a,b\n"); }
    EXPECT_THROW(AppendFile(path("r.csv"), "a,b,c\n"), BadArgument);
    EXPECT_EQ(read(path("r.csv")), "a,b\n") << "nothing may be written to a refused file";
    const AppendFile first(path("r.csv"), "a,b\n");
    EXPECT_THROW(AppendFile(path("r.csv"), "a,b\n"), BadArgument);
    EXPECT_THROW(AppendFile(path("no/such/folder.csv"), "a,b\n"), BadArgument);
    EXPECT_THROW(AppendFile(folder_, "a,b\n"), BadArgument);
}

TEST_F(AppendFileTest, SaysThatTheDiskIsFull) {
    if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
    try {
        AppendFile file("/dev/full", "a\n");
        FAIL() << "wrote to a full disk";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("/dev/full"), std::string::npos);
    }
}

TEST(BadArgument, IsOnePrintableLineWhateverWasTyped) {
    EXPECT_STREQ(BadArgument("no model is named 'a\nb\t\x1b[31m\x7f'").what(),
                 "no model is named 'a\\x0ab\\x09\\x1b[31m\\x7f'");
    const std::string text = "cannot write Zürich/C:\\";
    EXPECT_EQ(BadArgument(text).what(), text);
    EXPECT_EQ(BadArgument(BadArgument("\n").what()).what(), std::string("\\x0a"));
}

TEST(NumberList, ParsesListsAndRanges) {
    using List = std::vector<std::int64_t>;
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    const auto parse = [](const char* text) {
        return parse_number_list("--tokens", text, {0, kMost});
    };
    EXPECT_EQ(parse("16"), (List{16}));
    EXPECT_EQ(parse("16,1,16"), (List{16, 1}));
    EXPECT_EQ(parse("16:1024:x4"), (List{16, 64, 256, 1024}));
    EXPECT_EQ(parse("16:1000:x4"), (List{16, 64, 256}));
    EXPECT_EQ(parse("0:10:+4,7"), (List{0, 4, 8, 7}));
    EXPECT_EQ(parse("5:5:x2"), (List{5}));
    EXPECT_EQ(parse("1:9223372036854775807:x1000000000000000000"), (List{1, 1000000000000000000}));
    EXPECT_EQ(parse("1:50000:+1,1:50000:+1").size(), 50'000U);
}

TEST(NumberList, RefusesEverythingElse) {
    for (const auto* text :
         {"", ",", "16,", "a", "16x", "1.5", "-1", "1:2", "1:2:3", "8:4:x2", "1:8:x1", "1:8:x0",
          "1:8:+0", "0:8:x2", "1:8:*2", "1:8:x", "99999999999999999999", "0:9999999:+1", " 1"}) {
        EXPECT_THROW((void)parse_number_list("--tokens", text, {0, 1 << 30}), BadArgument) << text;
    }
    EXPECT_THROW((void)parse_number_list("--hidden", "0", {1, 9}), BadArgument);
    EXPECT_THROW((void)parse_number_list("--hidden", "8:10:+1", {1, 9}), BadArgument);
    EXPECT_THROW((void)split_list("--model", "a,,b"), BadArgument);
}

TEST(Case, IdDependsOnEveryFieldAndOnWhereItRuns) {
    const Case one{};
    std::set<std::string> ids{case_id(one, "host 2 ranks"), case_id(one, "host 4 ranks")};
    std::size_t fields = 0;
    for_each_field(one, [&](std::string_view name, const auto& /*value*/) {
        ++fields;
        Case other = one;
        for_each_field(other, [&](std::string_view other_name, auto& value) {
            using T = std::remove_reference_t<decltype(value)>;
            if (other_name != name) return;
            if constexpr (std::is_same_v<T, std::string>) {
                value += "x";
            } else if constexpr (std::is_same_v<T, DType>) {
                value = DType::bf16;
            } else if constexpr (std::is_same_v<T, bool>) {
                value = !value;
            } else {
                value += 1;
            }
        });
        ids.insert(case_id(other, "host 2 ranks"));
    });
    EXPECT_EQ(ids.size(), fields + 2);
    EXPECT_EQ(case_id(one, "host 2 ranks"), case_id(Case{}, "host 2 ranks"));
}

TEST(Case, AlongMakesTheProductWithTheLastFieldInnermost) {
    auto cases = along({Case{}}, &Case::tokens, std::vector<std::int64_t>{1, 2});
    cases = along(cases, &Case::load, std::vector<std::string>{"a", "b", "c"});
    ASSERT_EQ(cases.size(), 6U);
    EXPECT_EQ(cases[1].load, "b");
    EXPECT_EQ(cases[1].tokens, 1);
    EXPECT_EQ(cases[3].tokens, 2);
}

ResultRow measured(const char* name, double us, const Estimate& speedup) {
    ResultRow row;
    row.combine = name;
    row.claim = "memory";
    row.mode = "isolated";
    row.is_baseline = speedup.median == 1;
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
    std::vector<ResultRow> rows{measured("all_reduce_dp_scatter", 100, {1, 1, 1}),
                                measured("all_reduce_slice", 90, {1.11, 1.1, 1.12}),
                                measured("reduce_scatterv_native", 50, {2, 1.9, 2.1})};
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

TEST(CaseTable, ComparesWithTheBaselineWhereThereIsOneKind) {
    const auto baseline = measured("reduce_scatterv_grouped", 100, {1, 1, 1});
    const auto text =
        table(std::vector{baseline, measured("reduce_scatterv_native", 50, {2, 1.9, 2.1})});
    EXPECT_NE(text.find("* reduce_scatterv_native"), std::string::npos) << text;
    EXPECT_NE(text.find("2.00 [1.90, 2.10]"), std::string::npos) << text;
    EXPECT_EQ(text.find("not resolved"), std::string::npos) << text;
    expect_said(text,
                "reduce_scatterv_native against reduce_scatterv_grouped, the baseline: 2.00 times "
                "the speed of the output step [1.90, 2.10] (claim: memory).");

    auto open = measured("reduce_scatterv_native", 99, {1.01, 0.9, 1.1});
    open.layer = Timing{{500, 400, 600}, {}, {}, {}, {1.2, {}, {}}};
    const auto unsure = table(std::vector{baseline, open});
    EXPECT_NE(unsure.find("[0.90, 1.10] not resolved"), std::string::npos) << unsure;
    expect_said(unsure,
                "reduce_scatterv_native against reduce_scatterv_grouped, the baseline: 1.01 times "
                "the speed of the output step [0.90, 1.10], not resolved; 1.200 times that of the "
                "layer, not resolved (claim: memory).");

    const auto slower = measured("reduce_scatterv_native", 150, {0.7, 0.6, 0.8});
    expect_said(table(std::vector{baseline, slower}),
                "reduce_scatterv_grouped, the baseline, has the fastest output step.");
    const auto as_fast = measured("reduce_scatterv_native", 101, {0.99, 0.9, 1.1});
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
    std::vector<ResultRow> rows{measured("all_reduce_dp_scatter", 100, {1, 1, 1})};
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
}

TEST(CaseTable, MarksTimesThatBeatTheirLimit) {
    std::vector<ResultRow> rows{measured("all_reduce_dp_scatter", 100, {1, 1, 1}),
                                measured("reduce_scatterv_native", 50, {2, 1.9, 2.1})};
    for (auto& row : rows) row.combine_alone = Timing{{20.5, {}, {}}, {}, {}, {}, {}};
    rows[0].limit_us = 22;
    const auto sound = table(rows);
    EXPECT_EQ(sound.find('!'), std::string::npos) << sound;
    rows[1].limit_us = 30;
    const auto flagged = table(rows);
    EXPECT_NE(flagged.find("20.5!"), std::string::npos) << flagged;
    EXPECT_NE(flagged.find("\n  ! below the limit"), std::string::npos) << flagged;
}

TEST(ResultRow, LeavesCellsEmptyThatDoNotApply) {
    const auto record = ResultRow{}.record();
    for (const auto& [name, value] : record) {
        const bool measured_cell = name.find("_us") != std::string_view::npos ||
                                   name.find("speedup") == 0 || name.find("_gbps") != name.npos ||
                                   name == "verified" || name == "obstacle" || name == "samples" ||
                                   name == "pct_of_limit" || name == "flags";
        EXPECT_TRUE(!measured_cell || std::holds_alternative<std::monostate>(value)) << name;
    }
}

TEST(ResultRow, ComputesBandwidthsFromTheContractsBytes) {
    ResultRow row;
    row.matrix_bytes = 8e6;
    row.contract_bytes = 6e6;  // 3/4 of it, on four ranks
    row.combine_alone = Timing{{2000, {}, {}}, {}, {}, {}, {}};
    const auto record = row.record();
    const auto cell = [&](std::string_view name) {
        for (const auto& [key, value] : record) {
            if (key == name) return std::get<double>(value);
        }
        return -1.0;
    };
    EXPECT_DOUBLE_EQ(cell("algbw_gbps"), 4);  // 8 MB in 2 ms
    EXPECT_DOUBLE_EQ(cell("busbw_gbps"), 3);
}

TEST(ResultRow, ComparesTheExchangeWithBothLimits) {
    ResultRow row;
    const auto cell = [&](std::string_view wanted) {
        for (const auto& [name, value] : row.record()) {
            if (name == wanted) return value;
        }
        return Value(std::string("no such column"));
    };
    row.limit_us = 150;
    row.contract_limit_us = 100;
    EXPECT_EQ(cell("pct_of_limit"), Value()) << "no time, no share of it";
    EXPECT_EQ(cell("flags"), Value());

    row.combine_alone = Timing{{200, {}, {}}, {}, {}, {}, {}};
    EXPECT_EQ(cell("limit_us"), Value(150.0));
    EXPECT_EQ(cell("contract_limit_us"), Value(100.0));
    EXPECT_EQ(cell("pct_of_limit"), Value(75.0));
    EXPECT_EQ(cell("flags"), Value());
    row.combine_alone->us.median = 140;
    EXPECT_EQ(cell("flags"), Value()) << "within a tenth";
    row.combine_alone->us.median = 120;
    EXPECT_EQ(cell("pct_of_limit"), Value(125.0));
    EXPECT_EQ(cell("flags"), Value(std::string("above_limit")));
    row.combine_alone->us.median = 80;
    EXPECT_EQ(cell("flags"), Value(std::string("above_limit;above_contract_limit")));
    row.limit_us.reset();
    EXPECT_EQ(cell("flags"), Value(std::string("above_contract_limit")));
    EXPECT_EQ(cell("pct_of_limit"), Value());
}

TEST(FinishedCases, CellsOfALine) {
    using Cells = std::vector<std::string>;
    EXPECT_EQ(csv_cells("a,b"), (Cells{"a", "b"}));
    EXPECT_EQ(csv_cells(""), (Cells{""}));
    EXPECT_EQ(csv_cells(",x,"), (Cells{"", "x", ""}));
    EXPECT_EQ(csv_cells("\"say \"\"hi\"\", ok\",2"), (Cells{"say \"hi\", ok", "2"}));
}

constexpr const char* kRows =
    "run_id,launch,case_id,combine,verified\n"
    "r1,1,c1,base,true\n"
    "r1,1,c1,mine,true\n"
    "r1,1,c2,base,true\n"
    "r1,1,c2,mine,false\n"
    "r2,2,c1,base,true\n"
    "r2,2,c1,mine,true\n";

FinishedCases finished_in(const std::string& text, const std::string& launch) {
    std::istringstream csv(text);
    return read_finished_cases(csv, launch, {"base", "mine"});
}

TEST(FinishedCases, AreThoseOfTheLaunchWithARowForEveryStrategy) {
    const std::string rows(kRows);
    const auto first = finished_in(rows, "1");
    EXPECT_EQ(first.case_ids, (std::set<std::string>{"c1", "c2"}));
    EXPECT_EQ(first.wrong, 1);
    EXPECT_EQ(first.keep_bytes, rows.size());
    EXPECT_EQ(finished_in(rows, "2").case_ids, (std::set<std::string>{"c1"}));
    EXPECT_TRUE(finished_in(rows, "3").case_ids.empty());
    EXPECT_TRUE(finished_in("", "1").case_ids.empty());
}

TEST(FinishedCases, HalfACaseIsCutOffAtTheEndAndRefusedElsewhere) {
    const std::string rows(kRows);
    const std::string half = "r2,2,c2,base,true\n";
    const auto finished = finished_in(rows + half, "2");
    EXPECT_EQ(finished.keep_bytes, rows.size());
    EXPECT_EQ(finished.case_ids, (std::set<std::string>{"c1"}));
    EXPECT_FALSE(finished.kept.contains({"r2", "c2"}));
    EXPECT_THROW((void)finished_in(rows + half + "r3,2,c1,base,true\n", "2"), Error);
    EXPECT_THROW((void)finished_in(rows + "r2,2,c2\n", "2"), Error);

    std::istringstream samples("run_id,case_id,us\nr1,c1,5\nr2,c1,6\nr2,c2,7\nr2,c2,8\n");
    EXPECT_EQ(bytes_of_kept_samples(samples, finished.kept),
              std::string("run_id,case_id,us\nr1,c1,5\nr2,c1,6\n").size());
}

TEST_F(AppendFileTest, CutsATornLineOnlyWhenAskedTo) {
    { std::ofstream(path("r.csv")) << "a,b\n1,2\n3"; }
    EXPECT_THROW(AppendFile(path("r.csv"), "a,b\n"), BadArgument);
    EXPECT_EQ(read(path("r.csv")), "a,b\n1,2\n3");
    { AppendFile(path("r.csv"), "a,b\n", TornLine::cut).append("5,6\n"); }
    EXPECT_EQ(read(path("r.csv")), "a,b\n1,2\n5,6\n");
    { std::ofstream(path("h.csv")) << "a,"; }
    { const AppendFile torn_header(path("h.csv"), "a,b\n", TornLine::cut); }
    EXPECT_EQ(read(path("h.csv")), "a,b\n");
    { std::ofstream(path("o.csv")) << "x,"; }
    EXPECT_THROW(AppendFile(path("o.csv"), "a,b\n", TornLine::cut), BadArgument);
}

}  // namespace
}  // namespace moe
