// The time that a sweep is said to take, how it shares a limited one, on a clock of the tests', and
// the order of its cases.
#include "bench/sweep/schedule.hpp"
#include "bench/report/progress.hpp"
#include "bench/sweep/cases.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace moe {
namespace {

const std::vector<CaseSeconds> kCases{{10, 2}, {40, 8}, {50, 10}};

TEST(Schedule, CountsDownWhatWasForecast) {
    Schedule schedule(kCases, {}, 1000);
    EXPECT_DOUBLE_EQ(schedule.seconds_left(1000), 100);
    EXPECT_DOUBLE_EQ(schedule.begin(0, 1000), 1);
    EXPECT_DOUBLE_EQ(schedule.seconds_left(1000), 100);
    EXPECT_DOUBLE_EQ(schedule.seconds_left(1004), 96);
    EXPECT_DOUBLE_EQ(schedule.begin(1, 1010), 1);
    EXPECT_DOUBLE_EQ(schedule.seconds_left(1010), 90);
}

/// A machine that is `times` as slow as was forecast: the estimate is off at first, and then right.
TEST(Schedule, IsCorrectedByWhatCasesTook) {
    for (const double times : {0.2, 3.0}) {
        Schedule schedule(kCases, {}, 0);
        double now = 0;
        for (std::size_t i = 0; i < kCases.size(); ++i) {
            (void)schedule.begin(i, now);
            if (i == 2) {
                EXPECT_NEAR(schedule.seconds_left(now), 50 * times, 50 * times * 0.1) << times;
            }
            now += kCases[i].full * times;
        }
    }
}

TEST(Schedule, IsAboveZeroAndDoesNotCountUpMuchWhileACaseTakesLonger) {
    Schedule schedule(kCases, {}, 0);
    (void)schedule.begin(0, 0);
    (void)schedule.begin(1, 10);
    (void)schedule.begin(2, 50);
    double before = schedule.seconds_left(50);
    for (double now = 51; now < 1000; ++now) {
        const double left = schedule.seconds_left(now);
        EXPECT_GT(left, 0) << now;
        EXPECT_LE(left, now <= 100 ? before : 0.05 * now) << now;
        before = left;
    }
}

TEST(Schedule, SaysBeforeHowManyCasesWillBeLeftOut) {
    EXPECT_EQ(count_left_out(kCases, 100), 0U);
    EXPECT_EQ(count_left_out(kCases, 20), 0U) << "the least effort of all";
    EXPECT_EQ(count_left_out(kCases, 12), 1U);
    EXPECT_EQ(count_left_out(kCases, 0.1), 2U) << "the first runs in any case";
    EXPECT_EQ(count_left_out({}, 1), 0U);
}

TEST(Schedule, CasesThatCannotRunTakeNoTime) {
    Schedule schedule({{0, 0}, {10, 5}, {0, 0}}, 1.0, 0);
    EXPECT_DOUBLE_EQ(schedule.begin(0, 0), 1);
    EXPECT_GT(schedule.begin(1, 0.1), 0) << "the first that can run does";
    EXPECT_DOUBLE_EQ(schedule.begin(2, 30), 1) << "its obstacle is said whatever the time";
    EXPECT_DOUBLE_EQ(schedule.seconds_left(30), 0);
    EXPECT_DOUBLE_EQ(Schedule({}, 5.0, 0).seconds_left(0), 0);
}

/// Runs all cases on a machine `times` as slow as was forecast. The moment when it ends.
double end_of(const std::vector<CaseSeconds>& cases, double limit, double times,
              std::vector<double>& efforts) {
    Schedule schedule(cases, limit, 0);
    EXPECT_LE(schedule.seconds_left(0), limit);
    double now = 0;
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const double effort = schedule.begin(i, now);
        efforts.push_back(effort);
        if (effort <= 0) continue;
        const double share = (effort - kLeastEffort) / (1 - kLeastEffort);
        now += times * (cases[i].least + share * (cases[i].full - cases[i].least));
    }
    return now;
}

TEST(Schedule, EndsInTimeWithAsMuchAsFits) {
    const std::vector<CaseSeconds> cases(20, {10, 2});
    for (const double times : {0.3, 1.0, 2.0}) {
        std::vector<double> efforts;
        const double end = end_of(cases, 100, times, efforts);
        EXPECT_LE(end, 101) << times;
        EXPECT_GT(end, times < 0.5 ? 20 * 0.3 * 10 * 0.9 : 95) << times << ": time was left unused";
        EXPECT_EQ(std::count(efforts.begin(), efforts.end(), 0.0), 0) << times;
    }
    std::vector<double> efforts;
    EXPECT_LE(end_of(cases, 1000, 1, efforts), 200);
    EXPECT_EQ(efforts, std::vector<double>(20, 1.0)) << "time for everything";
}

TEST(Schedule, LeavesOutWhatDoesNotFitAndGoesOnWithWhatDoes) {
    std::vector<double> efforts;
    const double end = end_of({{10, 2}, {400, 80}, {10, 2}}, 20, 1, efforts);
    EXPECT_EQ(efforts[1], 0);
    EXPECT_GT(efforts[0], 0);
    EXPECT_GT(efforts[2], 0);
    EXPECT_LE(end, 20);

    efforts.clear();
    (void)end_of({{1000, 500}, {10, 2}}, 20, 0.001, efforts);
    EXPECT_GT(efforts[0], 0) << "until something was measured nobody knows";
    EXPECT_GT(efforts[1], 0) << "it was a thousandth";
}

TEST(Progress, SaysTimesForPeople) {
    EXPECT_EQ(duration_text(59.4), "59 s");
    EXPECT_EQ(duration_text(185), "3 min 05 s");
    EXPECT_EQ(duration_text(7800), "2 h 10 min");
    EXPECT_EQ(time_left_text(0.2), "1 s") << "never none while work is left";
    EXPECT_EQ(time_left_text(0), "1 s");
}

TEST(Progress, ABarFitsIntoTheTerminal) {
    const BarState state{0.5, 3, 24, 185, "layer", "custom H 2048 dp 2 ep 2 bf16 hot: 64 tokens",
                         0.4};
    EXPECT_EQ(
        bar_text(state, 200),
        "[############............] 3/24 3 min 05 s left, layer 40 %: custom H 2048 dp 2 ep 2 "
        "bf16 hot: 64 tokens");
    for (int columns = 1; columns < 120; ++columns) {
        EXPECT_LT(bar_text(state, columns).size(), static_cast<std::size_t>(columns)) << columns;
    }
    EXPECT_NE(bar_text(state, 80).find("3 min 05 s left, layer 40 %"), std::string::npos);
    EXPECT_EQ(bar_text({0, 1, 1, 9, "verifying", "x", 0}, 40),
              "[..........] 1/1 9 s left, verifying: x");
}

TEST(LaunchOrder, ChangesWithTheLaunchAndKeepsWeightsTogether) {
    std::vector<Case> cases;
    for (const std::int64_t hidden : {64, 128, 256}) {
        for (std::int64_t tokens = 1; tokens <= 6; ++tokens) {
            auto& params = cases.emplace_back();
            params.shape.hidden = hidden;
            params.tokens = tokens;
        }
    }
    using Order = std::vector<std::pair<std::int64_t, std::int64_t>>;
    const auto order = [&](int launch) {
        Order found;
        for (const auto& params : in_launch_order(cases, launch)) {
            found.emplace_back(params.shape.hidden, params.tokens);
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
