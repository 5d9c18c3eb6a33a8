// A row says what its case is: the list of axes, and the columns that are filled by hand.
#include "bench/report/rows.hpp"
#include "bench/case/layout.hpp"
#include "bench/report/columns.hpp"
#include "bench/report/finished_cases.hpp"
#include "bench/sweep/axes.hpp"
#include "bench/sweep/cases.hpp"
#include "tests/command_lines.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>

namespace moe {
namespace {

/// No option is at its default, so that a column that nobody fills is seen.
Options unusual_options() {
    return options_of(
        "--hidden 64 --experts 16 --top-k 2 --intermediate 24 --scale-experts 2 "
        "--shared-intermediate 40 --shared-gate --scoring sigmoid --routing zipf:1.2 --layers 3 "
        "--dtype f16 --gather all_gatherv --padding max_len --load linear --tokens 5 --graph on "
        "--graph-sizes 4,8 --phase decode --skew 5 --sms 8 --cache cold --beside gemm --seed 7");
}

TEST(Rows, HoldTheTextOfEveryAxis) {
    const auto backend = find_backend("host").open({});
    const Machine machine;
    const auto options = unusual_options();
    const auto cases = expand_cases(options, backend.world->size());
    ASSERT_EQ(cases.size(), 1U);
    const auto& params = cases.front();
    const auto layout = lay_out(params, backend.world->size());
    const auto row =
        describe_row({backend, machine, options, "run"}, params, layout, *options.combines.front());
    const auto header = csv_cells(csv_header());
    const auto cells = csv_cells(csv_line(row));
    for (const auto& axis : axes()) {
        const auto at = std::ranges::find(header, axis.column);
        ASSERT_NE(at, header.end()) << axis.column;
        EXPECT_EQ(cells[static_cast<std::size_t>(at - header.begin())], axis.text(params))
            << axis.column;
    }
}

}  // namespace
}  // namespace moe
