// The line at a sweep's end about choices by a table, of rows made by hand.
#include "bench/report/auto_choices.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace moe {
namespace {

ResultRow row(std::string combine, double output_us, double combine_us) {
    ResultRow row;
    row.combine = std::move(combine);
    row.form = "reduce_scatter";
    row.input = "partial_sums";
    row.claim = Claim::memory;
    row.dtype = "bf16";
    row.load = "hot";
    row.tokens = 64;
    row.hidden = 2048;
    const auto timing = [](double us) { return Timing{{us, us, us}, {}, {}, {}, {}, {}}; };
    row.combine_alone = timing(combine_us);
    row.output = timing(output_us);
    return row;
}

ResultRow chosen(double output_us, double combine_us) {
    auto result = row("auto", output_us, combine_us);
    result.by_table = true;
    result.variant = "pull";
    return result;
}

/// One that is no exchange alone.
ResultRow fused(double us) {
    auto result = row("fused", us, us);
    result.input = "weighted_rows";
    return result;
}

ResultRow all_reduce(double us) {
    auto result = row("all", us, us);
    result.form = "all_reduce";
    return result;
}

std::string text_of(const std::vector<std::vector<ResultRow>>& cases) {
    AutoChoices choices;
    for (const auto& rows : cases) choices.add(rows);
    return choices.text();
}

TEST(AutoChoices, CountsThoseNearTheFastestFormAndNamesTheWorst) {
    EXPECT_EQ(text_of({{all_reduce(1), row("pull", 10, 30), row("push", 12, 20), chosen(10.4, 30)},
                       {row("pull", 15, 30), row("push", 12, 30), chosen(15, 30)},
                       {row("pull", 15, 30), row("push", 13, 30), chosen(14, 30)}}),
              "auto: the output step is within 5 % of the fastest reduce_scatter form's in 1 of 3 "
              "cases, the exchange alone in 2 of 3; worst output step 25 % slower: 64 tokens, hot, "
              "hidden 2048, bf16, pull 15.0 us, push 12.0\n");
}

TEST(AutoChoices, WithoutALossHaveNoWorst) {
    EXPECT_EQ(text_of({{row("pull", 10, 30), fused(5), chosen(9.9, 29)}}),
              "auto: the output step is within 5 % of the fastest reduce_scatter form's in 1 of 1 "
              "cases, the exchange alone in 1 of 1\n");
}

TEST(AutoChoices, AreSilentWhereThereIsNothingToCompare) {
    EXPECT_EQ(text_of({}), "");
    EXPECT_EQ(text_of({{row("pull", 10, 30)}}), "") << "nothing was chosen";
    EXPECT_EQ(text_of({{chosen(10, 30), all_reduce(1)}}), "") << "no other form of its kind";
    auto unmeasured = chosen(10, 30);
    unmeasured.combine_alone.reset();
    unmeasured.output.reset();
    EXPECT_EQ(text_of({{row("pull", 10, 30), unmeasured}}), "") << "an obstacle";
    auto functional = row("pull", 10, 30);
    functional.claim = Claim::functional;
    EXPECT_EQ(text_of({{functional, chosen(15, 30)}}), "") << "says nothing about speed";
}

}  // namespace
}  // namespace moe
