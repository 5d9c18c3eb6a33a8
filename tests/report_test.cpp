// What the program writes: cells, whole lines, and what is read of it again.
#include "bench/report/append_file.hpp"
#include "bench/report/csv.hpp"
#include "bench/report/finished_cases.hpp"
#include "bench/sweep/case.hpp"
#include "bench/sweep/number_list.hpp"
#include "kernels/runtime/error.hpp"
#include "tests/read_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace moe {
namespace {

namespace fs = std::filesystem;

TEST(Csv, QuotesAndFormatsCells) {
    const std::vector<Value> cells{std::string("say \"hi\", ok"),
                                   std::int64_t{-8},
                                   1234567.891,
                                   std::numeric_limits<double>::quiet_NaN(),
                                   true,
                                   Value(),
                                   0.5,
                                   std::string("two\nlines")};
    EXPECT_EQ(csv_line(cells), "\"say \"\"hi\"\", ok\",-8,1.23457e+06,,true,,0.5,\"two\nlines\"\n");
    EXPECT_EQ(csv_line(std::vector<Value>{Value(), std::int64_t{1}}), ",1\n");
    EXPECT_EQ(csv_line(std::vector<Value>{}), "\n");
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
    EXPECT_EQ(read_file(path("r.csv")), "a,b\n1,2\n1,2\n");
}

TEST_F(AppendFileTest, RefusesOtherColumnsALockedFileAndWhatCannotBeOpened) {
    { AppendFile file(path("r.csv"), "a,b\n"); }
    EXPECT_THROW(AppendFile(path("r.csv"), "a,b,c\n"), BadArgument);
    EXPECT_EQ(read_file(path("r.csv")), "a,b\n") << "nothing may be written to a refused file";
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
    constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
    const auto parse = [](const char* text) {
        return parse_number_list("--tokens", text, {0, kMax});
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
    return read_finished_cases(csv, "r.csv", launch, {"base", "mine"}, {"r1", "r2", "r3"});
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

    std::istringstream samples("run_id,case_id,us\nr1,c1,5\nr2,c1,6\nr2,c2,7\nr2,c2,8\n");
    EXPECT_EQ(bytes_of_kept_samples(samples, "s.csv", finished.kept),
              std::string("run_id,case_id,us\nr1,c1,5\nr2,c1,6\n").size());
}

TEST(FinishedCases, OtherSweepsInTheFileFinishNoneAndStay) {
    const auto rows = std::string(kRows) + "r0,1,c3,base,true\n" + "r0,1,c4,base,true\n";
    const auto finished = finished_in(rows, "1");
    EXPECT_EQ(finished.case_ids, (std::set<std::string>{"c1", "c2"}));
    EXPECT_EQ(finished.keep_bytes, rows.size());
    EXPECT_TRUE(finished.kept.contains({"r0", "c4"}));
}

/// What is said of a file that is refused.
template <class Action>
std::string refusal_of(Action&& action) {
    try {
        action();
    } catch (const BadArgument& error) {
        return error.what();
    }
    return "nothing was refused";
}

TEST(FinishedCases, WhatASpreadsheetLeavesIsRefusedWithFileAndLine) {
    const std::string rows(kRows);
    const auto refused = [&](const std::string& more) {
        return refusal_of([&] { (void)finished_in(rows + more + "r3,2,c1,base,true\n", "2"); });
    };
    const std::string mend = "; mend that line, or name another file";
    EXPECT_EQ(refused("\n"), "r.csv, line 8: it is blank" + mend);
    EXPECT_EQ(refused("r2,2,c2,base,true\r\n"),
              "r.csv, line 8: it ends with CR LF, as spreadsheets and Windows editors save it, not "
              "with LF" +
                  mend);
    EXPECT_EQ(refused("r2,2,c2\n"), "r.csv, line 8: it has 3 cells, and the header 5" + mend);
    EXPECT_EQ(
        refused("r2,2,c2,base,true\n"),
        "r.csv, line 9: rows of case c1 begin, and case c2 before it has none of mine" + mend);

    const auto refused_samples = [&](const std::string& lines) {
        std::istringstream samples("run_id,case_id,us\n" + lines);
        return refusal_of([&] { (void)bytes_of_kept_samples(samples, "s.csv", {}); });
    };
    EXPECT_EQ(refused_samples("r1,c1,5\n\n"), "s.csv, line 3: it is blank" + mend);
    EXPECT_EQ(refused_samples("r1\n"), "s.csv, line 2: it names no case" + mend);
}

TEST_F(AppendFileTest, SaysWhatASpreadsheetMadeOfTheHeader) {
    const auto refused = [&](const char* text) {
        { std::ofstream(path("r.csv")) << text; }
        return refusal_of([&] { AppendFile::check_header(path("r.csv"), "a,b\n"); });
    };
    EXPECT_NE(refused("\xef\xbb\xbf"
                      "a,b\n1,2\n")
                  .find("r.csv, line 1: it begins with a byte order"),
              std::string::npos);
    EXPECT_NE(refused("a,b\r\n1,2\r\n").find("r.csv, line 1: it ends with CR LF"),
              std::string::npos);
    EXPECT_NE(refused("a;b\n1;2\n").find("r.csv, line 1: it has other columns"), std::string::npos);
}

TEST_F(AppendFileTest, CutsATornLineOnlyWhenAskedTo) {
    { std::ofstream(path("r.csv")) << "a,b\n1,2\n3"; }
    EXPECT_THROW(AppendFile(path("r.csv"), "a,b\n"), BadArgument);
    EXPECT_EQ(read_file(path("r.csv")), "a,b\n1,2\n3");
    {
        AppendFile file(path("r.csv"), "a,b\n", TornLine::allow);
        EXPECT_EQ(read_file(path("r.csv")), "a,b\n1,2\n3") << "until it is known what to keep";
        file.keep(8);
        file.append("5,6\n");
    }
    EXPECT_EQ(read_file(path("r.csv")), "a,b\n1,2\n5,6\n");
    { std::ofstream(path("h.csv")) << "a,"; }
    { AppendFile(path("h.csv"), "a,b\n", TornLine::allow).keep(0); }
    EXPECT_EQ(read_file(path("h.csv")), "a,b\n");
    { std::ofstream(path("o.csv")) << "x,"; }
    EXPECT_THROW(AppendFile(path("o.csv"), "a,b\n", TornLine::allow), BadArgument);
}

}  // namespace
}  // namespace moe
