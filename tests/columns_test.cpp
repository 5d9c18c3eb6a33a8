// The list of columns: what documents and readers say of it, and how the cells of a row are made.
#include "bench/report/columns.hpp"
#include "tests/read_file.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace moe {
namespace {

namespace fs = std::filesystem;

TEST(Columns, HeaderIsTheGoldenOne) {
    EXPECT_EQ(csv_header(), read_file(fs::path(GOLDEN_DIR) / "results_header.csv"));
}

/// The lines of the table of columns in results/README.md.
std::string documented_columns() {
    std::istringstream readme(
        read_file(fs::path(GOLDEN_DIR).parent_path().parent_path() / "results/README.md"));
    std::string table;
    for (std::string line; std::getline(readme, line);) {
        if (line.starts_with("| `")) table += line + '\n';
    }
    return table;
}

TEST(Columns, AreThoseOfTheTableInTheReadmeOfResults) {
    std::string table;
    for (const auto& [name, role, unit, meaning, cell] : columns()) {
        table += fmt::format("| `{}` | {} | {} | {} | {} |\n", name, to_string(cell.kind),
                             role == Role::cell ? "yes" : "", unit, meaning);
    }
    EXPECT_EQ(documented_columns(), table) << "write this there:\n" << table;
}

TEST(Columns, NameEveryClaimAndEveryReasonForNoVerdict) {
    const auto meaning_of = [](std::string_view name) {
        return std::ranges::find(columns(), name, &Column::name)->meaning;
    };
    for (const auto claim :
         {Claim::interconnect, Claim::memory, Claim::shared_machine, Claim::functional}) {
        EXPECT_NE(meaning_of("claim").find(to_string(claim)), std::string_view::npos);
    }
    for (const auto reason : {NoVerdict::planted, NoVerdict::shared_machine, NoVerdict::functional,
                              NoVerdict::disturbed}) {
        EXPECT_NE(meaning_of("no_verdict").find(to_string(reason)), std::string_view::npos);
    }
}

Value cell(const ResultRow& row, std::string_view name) {
    return std::ranges::find(columns(), name, &Column::name)->cell.of(row);
}

TEST(Columns, LeaveCellsEmptyThatDoNotApply) {
    for (const auto& column : columns()) {
        if (column.name == "skew_us") continue;  // what was asked for
        const bool measured_cell =
            column.name.find("_us") != std::string_view::npos ||
            column.name.starts_with("speedup") || column.name.ends_with("_gbps") ||
            column.name == "verified" || column.name == "obstacle" || column.name == "samples" ||
            column.name == "pct_of_limit" || column.name == "flags" || column.name == "no_verdict";
        EXPECT_TRUE(!measured_cell || column.cell.of({}) == Value()) << column.name;
    }
}

TEST(Columns, TakeTheirKindFromTheRow) {
    const auto kind_of = [](std::string_view name) {
        return std::ranges::find(columns(), name, &Column::name)->cell.kind;
    };
    EXPECT_EQ(kind_of("schema_version"), Kind::count);
    EXPECT_EQ(kind_of("claim"), Kind::text);
    EXPECT_EQ(kind_of("tokens_per_rank"), Kind::text);
    EXPECT_EQ(kind_of("attn_tp"), Kind::count);
    EXPECT_EQ(kind_of("verified"), Kind::flag);
    EXPECT_EQ(kind_of("output_us_low"), Kind::number);
    EXPECT_EQ(kind_of("busbw_gbps"), Kind::number);
    EXPECT_EQ(kind_of("no_verdict"), Kind::text);

    ResultRow row;
    row.tokens_per_rank = {8, 7, 6, 0};
    row.attn_tp = 2;
    row.verified = false;
    row.output = Timing{{200, 150, 250}, {}, {}, {}};
    EXPECT_EQ(cell(row, "tokens_per_rank"), Value(std::string("8;7;6;0")));
    EXPECT_EQ(cell(row, "attn_tp"), Value(std::int64_t{2}));
    EXPECT_EQ(cell(row, "verified"), Value(false));
    EXPECT_EQ(cell(row, "output_us_low"), Value(150.0));
    EXPECT_EQ(cell(row, "speedup_output"), Value()) << "no baseline";
}

TEST(ResultRow, ComputesBandwidthsFromTheContractsBytes) {
    ResultRow row;
    row.matrix_bytes = 8e6;
    row.contract_bytes = 6e6;  // 3/4 of it, on four ranks
    row.combine_alone = Timing{{2000, {}, {}}, {}, {}, {}};
    EXPECT_EQ(cell(row, "algbw_gbps"), Value(4.0));  // 8 MB in 2 ms
    EXPECT_EQ(cell(row, "busbw_gbps"), Value(3.0));
}

TEST(ResultRow, ComparesTheExchangeWithBothLimits) {
    ResultRow row;
    row.limit_us = 150;
    row.contract_limit_us = 100;
    EXPECT_EQ(cell(row, "pct_of_limit"), Value()) << "no time, no share of it";
    EXPECT_EQ(cell(row, "flags"), Value());

    row.combine_alone = Timing{{200, {}, {}}, {}, {}, {}};
    EXPECT_EQ(cell(row, "limit_us"), Value(150.0));
    EXPECT_EQ(cell(row, "contract_limit_us"), Value(100.0));
    EXPECT_EQ(cell(row, "pct_of_limit"), Value(75.0));
    EXPECT_EQ(cell(row, "flags"), Value());
    row.combine_alone->us.median = 140;
    EXPECT_EQ(cell(row, "flags"), Value()) << "within a tenth";
    row.combine_alone->us.median = 120;
    EXPECT_EQ(cell(row, "pct_of_limit"), Value(125.0));
    EXPECT_EQ(cell(row, "flags"), Value(std::string("above_limit")));
    row.combine_alone->us.median = 80;
    EXPECT_EQ(cell(row, "flags"), Value(std::string("above_limit;above_contract_limit")));
    row.limit_us.reset();
    EXPECT_EQ(cell(row, "flags"), Value(std::string("above_contract_limit")));
    EXPECT_EQ(cell(row, "pct_of_limit"), Value());
}

TEST(ResultRow, ComparesTheOutputStepWithItsLimit) {
    ResultRow row;
    row.output_limit_us = 150;
    EXPECT_EQ(cell(row, "pct_of_output_limit"), Value()) << "no time, no share of it";
    row.output = Timing{{200, {}, {}}, {}, {}, {}};
    EXPECT_EQ(cell(row, "output_limit_us"), Value(150.0));
    EXPECT_EQ(cell(row, "pct_of_output_limit"), Value(75.0));
    row.output_limit_us.reset();
    EXPECT_EQ(cell(row, "pct_of_output_limit"), Value());
}

TEST(ResultRow, SaysWhyItsTimesGiveNoVerdict) {
    ResultRow row;
    row.claim = Claim::memory;
    row.disturbed_pct = 20;
    row.timed_by = "device";
    EXPECT_EQ(cell(row, "no_verdict"), Value()) << "the device's clock knows nothing of the host";
    row.timed_by = "host";
    EXPECT_EQ(cell(row, "no_verdict"), Value(std::string("disturbed")));
    row.claim = Claim::functional;
    EXPECT_EQ(cell(row, "no_verdict"), Value(std::string("functional;disturbed")));
    row.claim = Claim::shared_machine;
    row.planted_pct = 5;
    EXPECT_EQ(cell(row, "no_verdict"), Value(std::string("planted;shared_machine;disturbed")));

    std::vector<ResultRow> rows(3);
    EXPECT_EQ(no_verdict(rows), std::nullopt);
    rows[1].timed_by = "host";
    rows[1].disturbed_pct = 20;
    EXPECT_EQ(no_verdict(rows), NoVerdict::disturbed) << "one row of a case is enough";
    rows[2] = row;
    EXPECT_EQ(no_verdict(rows), NoVerdict::planted);
}

}  // namespace
}  // namespace moe
