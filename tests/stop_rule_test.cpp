// What rank 0 decides, on series that are made up: when a series is warm, when it is looked at and
// has enough, how often a region is repeated, and whether a candidate's predecessor shows in it.
#include "bench/measure/stop_rule.hpp"
#include "bench/measure/carry_over.hpp"
#include "bench/measure/repeats.hpp"
#include "bench/measure/statistics.hpp"
#include "kernels/runtime/error.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

namespace moe {
namespace {

/// A machine on which a round takes what `round_seconds` says, and each sample of a candidate what
/// `candidates` say.
struct Simulation {
    std::vector<std::function<double(int)>> candidates;
    std::function<double(int)> round_seconds;
    int of_round{1};  ///< samples of each candidate
    Samples samples = Samples(candidates.size());
    double spent{};
    int rounds{};

    void run(int count) {
        for (int i = 0; i < count; ++i, ++rounds) {
            for (std::size_t r = 0; r < candidates.size(); ++r) {
                for (int k = 0; k < of_round; ++k) {
                    samples[r].push_back(candidates[r](rounds * of_round + k));
                }
            }
            spent += round_seconds(rounds);
        }
    }
    int warm_up(double budget) {
        while (const int next = next_warm_up_rounds(samples, spent, budget)) run(next);
        return rounds;
    }
    /// Rounds after which it was looked at.
    std::vector<int> looks{};
    StopReason measure(const StopRule& rule) {
        for (;;) {
            const auto [next, reason] = next_rounds(rule, samples, spent, of_round);
            if (next == 0) return reason;
            run(next);
            looks.push_back(rounds);
        }
    }
};

double steady(int /*sample*/) {
    return 1e-3;
}
/// Never known well: one sample in two takes ten times as long.
double restless(int sample) {
    return sample % 2 == 0 ? 1e-3 : 1e-2;
}

TEST(WarmUp, EndsSoonWhereNothingFalls) {
    EXPECT_EQ((Simulation{{steady, steady}, steady}.warm_up(1e3)), 2 + 2 * 8);
}

TEST(WarmUp, WaitsForTheSlowestRivalToSettle) {
    constexpr int kSettled = 60;
    const auto falling = [](int round) { return 1e-3 * (1 + std::max(kSettled - round, 0)); };
    for (const bool first : {true, false}) {
        Simulation machine{{steady, steady}, steady};
        machine.candidates[first ? 0 : 1] = falling;
        const int rounds = machine.warm_up(1e3);
        EXPECT_GE(rounds, kSettled) << "still falling";
        EXPECT_LE(rounds, kSettled + 3 * 8) << "settled long ago";
    }
}

TEST(WarmUp, RisingIsNoReasonToGoOn) {
    const auto rising = [](int round) { return 1e-3 * (1 + round); };
    EXPECT_EQ((Simulation{{steady, rising}, steady}.warm_up(1e3)), 2 + 2 * 8);
}

TEST(WarmUp, KeepsToItsShareOfTheBudgetAndToItsMostRounds) {
    const auto always_falling = [](int round) { return std::pow(0.9, round); };
    Simulation unbounded{{always_falling}, steady};
    EXPECT_LE(unbounded.warm_up(1e3), 200);
    EXPECT_GT(unbounded.rounds, 180);

    Simulation bounded{{always_falling}, steady};
    bounded.warm_up(0.5);
    EXPECT_LE(bounded.spent, 0.1 * 0.5 + 1e-9);
    EXPECT_GT(bounded.spent, 0.1 * 0.5 - 8e-3) << "one more window had fitted";

    EXPECT_EQ((Simulation{{always_falling}, steady}.warm_up(1e-3)), 2) << "the least, at any cost";
}

TEST(NextRounds, LooksAtGeometricCheckpointsAndKeepsTheBudget) {
    Simulation machine{{steady, restless}, steady};
    EXPECT_EQ(machine.measure({20, 0.1, 0.02}), StopReason::budget);
    // The last way is cut: the next checkpoint would have been 102.
    EXPECT_EQ(machine.looks, (std::vector<int>{20, 30, 45, 68, 100}));
    EXPECT_LE(machine.spent, 0.1 + 1e-3 + 1e-9);
}

TEST(NextRounds, PredictsAgainWhereRoundsBecameFaster) {
    const auto faster = [](int round) { return round < 68 ? 1e-3 : 0.5e-3; };
    Simulation machine{{steady, restless}, faster};
    EXPECT_EQ(machine.measure({20, 0.1, 0.02}), StopReason::budget);
    EXPECT_GE(machine.spent, 0.1);
    EXPECT_LE(machine.spent, 0.1 + 1e-3);
    EXPECT_LE(machine.looks.size(), 12U);
}

TEST(NextRounds, StopsAtTheFirstCheckpointWhereAllIsKnown) {
    Simulation at_once{{steady, steady}, steady};
    EXPECT_EQ(at_once.measure({20, 10, 0.02}), StopReason::ci);
    EXPECT_EQ(at_once.looks, std::vector<int>{20});

    // Noise until round 20: the median's interval leaves it behind by the look at 68.
    const auto calm_later = [](int round) { return round < 20 ? restless(round) : 1e-3; };
    Simulation later{{steady, calm_later}, steady};
    EXPECT_EQ(later.measure({20, 10, 0.02}), StopReason::ci);
    EXPECT_GT(later.rounds, 20);
    EXPECT_LE(later.rounds, 68);
}

TEST(NextRounds, DoesNotLookBetweenCheckpoints) {
    const Samples known(2, std::vector<double>(25, 1e-3));
    const auto next = next_rounds({20, 10, 0.02}, known, 0.025);
    EXPECT_EQ(next.rounds, 5) << "to 30";
    EXPECT_EQ(next.reason, StopReason::none);
}

TEST(NextRounds, RoundsOfManySamplesReachTheLeastInFewer) {
    const auto first = [](int min_samples, int of_round) {
        return next_rounds({min_samples, 10, 0.02}, Samples(2), 0, of_round).rounds;
    };
    EXPECT_EQ(first(20, 8), 3) << "24 samples";
    EXPECT_EQ(first(20, 19), 2);
    EXPECT_EQ(first(20, 20), 1);
    EXPECT_EQ(first(20, 64), 1);
    EXPECT_EQ(first(1, 64), 1) << "never none";
    // One of two rounds is there.
    EXPECT_EQ(next_rounds({20, 10, 0.02}, Samples(2, std::vector<double>(16)), 1, 16).rounds, 1);
}

TEST(NextRounds, LooksAtCheckpointsOfWholeRounds) {
    Simulation machine{{steady, restless}, steady, 8};
    EXPECT_EQ(machine.measure({20, 0.03, 0.02}), StopReason::budget);
    EXPECT_EQ(machine.looks, (std::vector<int>{3, 5, 8, 12, 18, 27, 30}));
    // From one round on, half as many more are one more.
    Simulation long_chains{{steady, restless}, steady, 64};
    EXPECT_EQ(long_chains.measure({20, 0.01, 0.02}), StopReason::budget);
    EXPECT_EQ(long_chains.looks, (std::vector<int>{1, 2, 3, 5, 8, 10}));

    Simulation known{{steady, steady}, steady, 8};
    EXPECT_EQ(known.measure({20, 10, 0.02}), StopReason::ci);
    EXPECT_EQ(known.looks, std::vector<int>{3});
    const Samples between(2, std::vector<double>(std::size_t{4} * 8, 1e-3));
    EXPECT_EQ(next_rounds({20, 10, 0.02}, between, 4e-3, 8).rounds, 1) << "four of five rounds";
}

TEST(NextRounds, ARoundOfManySamplesIsNotCutForTheBudget) {
    Simulation slow{{steady, restless}, [](int) { return 5.0; }, 8};
    EXPECT_EQ(slow.measure({20, 2, 0.02}), StopReason::min_samples);
    EXPECT_EQ(slow.looks, std::vector<int>{3});
    Simulation one_more{{steady, restless}, [](int) { return 0.6; }, 8};
    EXPECT_EQ(one_more.measure({20, 2, 0.02}), StopReason::budget);
    EXPECT_EQ(one_more.looks, (std::vector<int>{3, 4})) << "0.2 s are left for a round of 0.6 s";
}

TEST(NextRounds, TakesTheLeastHoweverLongItTakes) {
    Simulation slow{{steady, restless}, [](int) { return 5.0; }};
    EXPECT_EQ(slow.measure({20, 2, 0.02}), StopReason::min_samples);
    EXPECT_EQ(slow.looks, std::vector<int>{20});
}

TEST(NextRounds, WithoutRivalsTheTimeItselfIsToBeKnown) {
    EXPECT_EQ((Simulation{{steady}, steady}.measure({20, 1, 0.02})), StopReason::ci);
    EXPECT_EQ((Simulation{{restless}, steady}.measure({20, 1, 0.02})), StopReason::budget);
}

TEST(Repeats, ShortRegionsAreRepeatedAndBurstsAreLongEnough) {
    constexpr double kTimer = 25e-9;
    const auto isolated = [](double fastest) {
        return runs_per_sample(Mode::isolated, fastest, {kTimer, 1e-3});
    };
    EXPECT_EQ(isolated(1), 1);
    EXPECT_EQ(isolated(525e-9 + 1e-12), 1) << "20 times the overhead, and the overhead itself";
    EXPECT_EQ(isolated(500e-9), 2);
    EXPECT_EQ(isolated(100e-9), 7) << "500 ns / 75 ns";
    EXPECT_EQ(isolated(0), 200);
    EXPECT_EQ(isolated(-1e-6), 200) << "clocks of two hosts";

    const auto pipelined = [](double fastest) {
        return runs_per_sample(Mode::pipelined, fastest, {kTimer, 5e-6});
    };
    EXPECT_EQ(pipelined(10.2e-6), 10) << "100 us / 10.175 us";
    EXPECT_EQ(pipelined(1), 4);
    EXPECT_EQ(pipelined(1e-7), 200);
}

TEST(Statistics, InterquartileRangeInterpolatesAsScipyDoes) {
    EXPECT_DOUBLE_EQ(*interquartile_range({4, 2, 3, 1}), 1.5);              // 1.75 to 3.25
    EXPECT_DOUBLE_EQ(*interquartile_range({1, 2, 3, 4, 5}), 2);             // 2 to 4
    EXPECT_DOUBLE_EQ(*interquartile_range({41, 7, 15, 36, 40, 39}), 19.5);  // 20.25 to 39.75
    EXPECT_DOUBLE_EQ(*interquartile_range({5, 5, 5, 5}), 0);
    EXPECT_FALSE(interquartile_range({1, 2, 3}));
}

/// `slower`: by how much samples after candidate 2 of 3 are.
std::optional<CarryOverEffect> effect_of(double slower, std::size_t samples, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<double> seconds;
    std::vector<Predecessor> predecessors{std::nullopt};
    for (std::size_t i = 0; i < samples; ++i) {
        const double noise = static_cast<double>(random() % 1000) / 1000;
        seconds.push_back((1 + 0.2 * noise) * (predecessors[i] == 2U ? 1 + slower : 1));
        predecessors.emplace_back(random() % 3);
    }
    predecessors.pop_back();
    return carry_over_effect(seconds, predecessors, seed);
}

TEST(CarryOverEffect, FindsAPlantedOne) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const auto effect = effect_of(0.2, 120, seed);
        ASSERT_TRUE(effect);
        EXPECT_EQ(effect->p, 0.001) << seed;
        EXPECT_NEAR(effect->largest, 0.15, 0.1) << seed;
    }
}

TEST(CarryOverEffect, IsQuietWithoutOne) {
    constexpr int kSeries = 400;
    int alarms = 0;
    for (std::uint64_t seed = 0; seed < kSeries; ++seed) {
        alarms += effect_of(0, 40, seed)->p <= 0.05 ? 1 : 0;
    }
    // 20 of 400 are expected; the seeds are fixed, so this is no matter of luck.
    EXPECT_GE(alarms, 10);
    EXPECT_LE(alarms, 32);
}

TEST(CarryOverEffect, MatchesHandWorkedCases) {
    const std::vector<Predecessor> two_each{0, 0, 1, 1};
    // Of the 6 ways to deal out the ranks 1 to 4, 2 are as far apart as 1, 2 and 3, 4.
    const auto split = carry_over_effect(std::vector<double>{1, 2, 3, 4}, two_each, 1);
    EXPECT_NEAR(split->p, 2 / 6.0, 0.06);
    EXPECT_DOUBLE_EQ(split->largest, 0.4) << "1.5 and 3.5 around 2.5";

    const auto same = carry_over_effect(std::vector<double>{3, 3, 3, 3}, two_each, 1);
    EXPECT_EQ(same->p, 1);
    EXPECT_EQ(same->largest, 0);
}

TEST(CarryOverEffect, OneOutlierDecidesNothing) {
    std::vector<double> seconds(40, 1.0);
    std::vector<Predecessor> predecessors;
    for (std::size_t i = 0; i < seconds.size(); ++i) predecessors.emplace_back(i % 2);
    seconds[7] = 1e6;
    EXPECT_GT(carry_over_effect(seconds, predecessors, 1)->p, 0.5);
}

TEST(CarryOverEffect, NeedsTwoPredecessorsAndLeavesOutWhoHasNone) {
    EXPECT_FALSE(carry_over_effect(std::vector<double>{}, std::vector<Predecessor>{}, 1));
    EXPECT_FALSE(carry_over_effect(std::vector<double>{1, 2, 3},
                                   std::vector<Predecessor>{std::nullopt, 0, 0}, 1));
    const auto effect = carry_over_effect(std::vector<double>{1e9, 1, 1, 1},
                                          std::vector<Predecessor>{std::nullopt, 0, 1, 1}, 1);
    EXPECT_EQ(effect->largest, 0);
    EXPECT_THROW((void)carry_over_effect(std::vector<double>{1}, std::vector<Predecessor>{}, 1),
                 Error);
}

}  // namespace
}  // namespace moe
