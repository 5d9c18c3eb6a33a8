// Cases laid out on ranks, as tables of hand-worked ones, and the ids of published ones.
#include "bench/case_layout.hpp"
#include "bench/cases.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace moe {
namespace {

using Counts = std::vector<std::int64_t>;

Case case_of(std::string padding, std::string phase, std::string load, std::int64_t tokens) {
    Case one;
    one.hidden = 64;
    one.top_k = 2;
    one.dp = 4;
    one.ep = 4;
    one.padding = std::move(padding);
    one.phase = std::move(phase);
    one.load = std::move(load);
    one.tokens = tokens;
    return one;
}

TEST(CaseLayout, DealsThenPads) {
    struct Row {
        Case one;
        Counts tokens;
        Padding padding;
        std::int64_t rows;
    };
    const auto none = Padding::sum_len;
    const auto most = Padding::max_len;
    for (const auto& [one, tokens, padding, rows] : {
             Row{case_of("sum_len", "", "hot", 7), {7, 0, 0, 0}, none, 7},
             Row{case_of("max_len", "", "hot", 7), {7, 0, 0, 0}, most, 28},
             Row{case_of("sglang", "prefill", "balanced", 8), {2, 2, 2, 2}, none, 8},
             Row{case_of("sglang", "decode", "balanced", 9), {3, 2, 2, 2}, most, 12},
             Row{case_of("sglang", "decode", "hot", 7), {7, 0, 0, 0}, none, 7},
             Row{case_of("sglang", "decode", "counts:8;7;6;0", 21), {8, 7, 6, 0}, most, 32},
         }) {
        const auto layout = lay_out(one, 4);
        EXPECT_EQ(layout.obstacle, "");
        EXPECT_EQ(layout.tokens_by_dp, tokens);
        EXPECT_EQ(layout.padding, padding);
        ASSERT_TRUE(layout.row_map.has_value());
        EXPECT_EQ(layout.row_map->rows(), rows);
    }
}

TEST(CaseLayout, SaysWhatDoesNotFit) {
    const auto obstacle = [](const Case& one, int ranks) {
        const auto layout = lay_out(one, ranks);
        EXPECT_FALSE(layout.row_map.has_value());
        return layout.obstacle;
    };
    EXPECT_EQ(obstacle(case_of("sum_len", "", "balanced", 8), 6), "dp 4 does not divide 6 ranks");
    EXPECT_EQ(obstacle(case_of("sum_len", "", "counts:1;2", 8), 4),
              "load counts:1;2 has 2 shares, but dp is 4");
    constexpr std::int64_t kTokens = 1 << 24;
    EXPECT_TRUE(lay_out(case_of("sum_len", "", "hot", kTokens), 4).row_map.has_value());
    EXPECT_EQ(obstacle(case_of("max_len", "", "hot", kTokens), 4),
              "67108864 rows of 64 elements, with 2 experts each: more than 2147483647 elements or "
              "choices");
}

/// Words separated by spaces, behind the program's name.
std::vector<std::string> words_of(const std::string& line) {
    std::istringstream stream("bench_moe_comm " + line);
    return {std::istream_iterator<std::string>(stream), {}};
}

/// Published rows are found again by their id: it never changes for a case that could be asked for
/// before, whatever axes are added. The file has lines of ranks, "where" and command line, each
/// followed by the cases that it makes; the first are those of results/amd-epyc-2-cores.
TEST(CaseId, IsThatOfPublishedResults) {
    std::ifstream golden(std::string(GOLDEN_DIR) + "/case_ids.txt");
    ASSERT_TRUE(golden.is_open());
    std::vector<std::string> wanted, made;
    for (std::string line; std::getline(golden, line);) {
        wanted.push_back(line);
        if (!line.starts_with("$ ")) continue;
        made.push_back(line);
        std::istringstream parts(line.substr(2));
        int ranks = 0;
        std::string where, command;
        parts >> ranks;
        std::getline(parts >> std::ws, where, '|');
        std::getline(parts >> std::ws, command);
        where.pop_back();  // the space before the bar
        const auto words = words_of(command);
        std::vector<const char*> argv;
        for (const auto& word : words) argv.push_back(word.c_str());
        const auto parsed = parse_command_line(static_cast<int>(argv.size()), argv.data());
        for (const auto& one : expand_cases(parsed.options, ranks)) {
            made.push_back(fmt::format("{} {}", case_id(one, where), label_of(one)));
        }
    }
    EXPECT_GT(wanted.size(), 100U);
    EXPECT_EQ(made, wanted);
}

TEST(LaunchOrder, ChangesWithTheLaunchAndKeepsWeightsTogether) {
    std::vector<Case> cases;
    for (const std::int64_t hidden : {64, 128, 256}) {
        for (std::int64_t tokens = 1; tokens <= 6; ++tokens) {
            cases.push_back(case_of("sum_len", "", "hot", tokens));
            cases.back().hidden = hidden;
        }
    }
    using Order = std::vector<std::pair<std::int64_t, std::int64_t>>;
    const auto order = [&](int launch) {
        Order found;
        for (const auto& one : in_launch_order(cases, launch)) {
            found.emplace_back(one.hidden, one.tokens);
        }
        return found;
    };
    const auto first = order(1);
    EXPECT_EQ(first.front(), std::pair(std::int64_t{64}, std::int64_t{1})) << "as listed";
    EXPECT_NE(order(2), first);
    EXPECT_NE(order(3), order(2));
    EXPECT_EQ(order(3), order(3)) << "on every rank";
    for (int launch = 2; launch < 8; ++launch) {
        const auto found = order(launch);
        EXPECT_EQ(std::set(found.begin(), found.end()), std::set(first.begin(), first.end()));
        int changes = 0;
        for (std::size_t i = 1; i < found.size(); ++i) {
            changes += found[i].first != found[i - 1].first ? 1 : 0;
        }
        EXPECT_EQ(changes, 2) << "weights are made once";
    }
}

}  // namespace
}  // namespace moe
