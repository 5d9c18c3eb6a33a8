// The measuring itself: statistics against hand-worked values, the order of candidates, common
// starts between clocks that disagree, and one decision for all ranks. Runs on 1 to 4 ranks.
#include "bench/measure/candidate_order.hpp"
#include "bench/measure/phase_recorder.hpp"
#include "bench/measure/phase_split.hpp"
#include "bench/measure/sampler.hpp"
#include "bench/measure/skew.hpp"
#include "bench/measure/statistics.hpp"
#include "bench/measure/timeline.hpp"
#include "comm/mpi/mpi_bootstrap.hpp"
#include "kernels/host/host_device.hpp"
#include "tests/virtual_clock.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <thread>

namespace moe {
namespace {

/// P(X <= k) for binomial(n, 1/2), by the definition.
double binomial_cdf(std::size_t n, std::size_t k) {
    double term = std::pow(0.5, static_cast<double>(n));
    double sum = 0;
    for (std::size_t i = 0; i <= k; ++i) {
        sum += term;
        term *= static_cast<double>(n - i) / static_cast<double>(i + 1);
    }
    return sum;
}

TEST(Statistics, MedianRanksMatchPublishedTables) {
    // Conover's table of 95 % intervals for the median, counted from 0.
    struct Row {
        std::size_t n, low, high;
    };
    for (const auto& [n, low, high] : {Row{6, 0, 5}, Row{8, 0, 7}, Row{9, 1, 7}, Row{10, 1, 8},
                                       Row{15, 3, 11}, Row{20, 5, 14}, Row{100, 39, 60}}) {
        const auto ranks = median_ranks(n);
        ASSERT_TRUE(ranks) << n;
        EXPECT_EQ(ranks->low, low) << n;
        EXPECT_EQ(ranks->high, high) << n;
    }
    for (std::size_t n = 0; n < 6; ++n) EXPECT_FALSE(median_ranks(n)) << n;
}

TEST(Statistics, MedianRanksAreTheNarrowestThatReach95Percent) {
    for (std::size_t n = 6; n < 400; ++n) {
        const auto ranks = median_ranks(n);
        ASSERT_TRUE(ranks);
        EXPECT_EQ(ranks->low + ranks->high, n - 1);
        const auto outside = [&](std::size_t low) {
            return low == 0 ? 2 * binomial_cdf(n, 0) : 2 * binomial_cdf(n, low);
        };
        EXPECT_LE(outside(ranks->low), 0.05 + 1e-12) << n;
        EXPECT_GT(outside(ranks->low + 1), 0.05) << n;
    }
    EXPECT_TRUE(median_ranks(1'000'000));  // no underflow
}

TEST(Statistics, MedianAndPercentilesOfSmallSeries) {
    EXPECT_EQ(estimate_median({4, 1, 3, 2, 100}).median, 3);
    EXPECT_EQ(estimate_median({4, 1, 3, 2}).median, 2.5);
    EXPECT_FALSE(estimate_median({4, 1, 3, 2, 100}).low);
    const auto six = estimate_median({6, 5, 4, 3, 2, 1});
    EXPECT_EQ(*six.low, 1);
    EXPECT_EQ(*six.high, 6);
    EXPECT_THROW((void)estimate_median({}), Error);

    std::vector<double> hundred(100);
    std::iota(hundred.begin(), hundred.end(), 1);
    EXPECT_EQ(percentile(hundred, 99), 99);
    EXPECT_EQ(percentile(hundred, 95), 95);
    hundred.pop_back();
    EXPECT_FALSE(percentile(hundred, 99));
    hundred.resize(19);
    EXPECT_FALSE(percentile(hundred, 95));
}

TEST(Statistics, NotResolvedMeansTheIntervalContainsOne) {
    EXPECT_FALSE((Estimate{1.2, 0.9, 1.5}.excludes(1)));
    EXPECT_TRUE((Estimate{1.2, 1.1, 1.5}.excludes(1)));
    EXPECT_TRUE((Estimate{0.8, 0.7, 0.9}.excludes(1)));
    EXPECT_FALSE((Estimate{5, {}, {}}.excludes(1))) << "without an interval nothing is known";
    EXPECT_TRUE(std::isinf(Estimate{5, {}, {}}.relative_error()));
    EXPECT_DOUBLE_EQ((Estimate{2, 1.5, 2.5}.relative_error()), 0.25);
}

TEST(Statistics, PairsBeforeTakingTheMedian) {
    // Round by round the strategy is twice as fast, though the machine got slower all the time.
    const std::vector<double> baseline{2, 4, 8, 16}, strategy{1, 2, 4, 8};
    EXPECT_EQ(paired_ratios(baseline, strategy), (std::vector<double>{2, 2, 2, 2}));
    EXPECT_THROW((void)paired_ratios(baseline, {}), Error);
}

TEST(CandidateOrder, IsBalancedForPlaceAndForWhoFollowsWhom) {
    for (std::size_t candidates = 1; candidates <= 9; ++candidates) {
        const CandidateOrder order(candidates, 42);
        std::map<std::pair<std::size_t, std::size_t>, int> follows, stands;
        for (std::size_t round = 0; round < order.cycle(); ++round) {
            const auto& places = order.round(round);
            EXPECT_EQ(std::set<std::size_t>(places.begin(), places.end()).size(), candidates);
            for (std::size_t place = 0; place < candidates; ++place) {
                ++stands[{place, places[place]}];
                if (place > 0) ++follows[{places[place - 1], places[place]}];
            }
        }
        const auto all_equal = [](const auto& counts) {
            return std::all_of(counts.begin(), counts.end(), [&](const auto& entry) {
                return entry.second == counts.begin()->second;
            });
        };
        EXPECT_EQ(stands.size(), candidates * candidates);
        EXPECT_EQ(follows.size(), candidates * (candidates - 1));
        EXPECT_TRUE(all_equal(stands)) << candidates;
        EXPECT_TRUE(all_equal(follows)) << candidates;
    }
}

TEST(CandidateOrder, DependsOnTheSeedAlone) {
    EXPECT_EQ(CandidateOrder(4, 1).round(3), CandidateOrder(4, 1).round(3));
    std::set<std::vector<std::size_t>> firsts;
    for (std::uint64_t seed = 0; seed < 20; ++seed) firsts.insert(CandidateOrder(4, seed).round(0));
    EXPECT_GT(firsts.size(), 5U);
}

TEST(Skew, DrawsOnePunctualRankAndHowLateTheOthersAre) {
    constexpr double kMax = 50e-6;
    constexpr std::size_t kRounds = 2000;
    for (const int ranks : {1, 2, 3, 8}) {
        const Skew skew(kMax, ranks, 7);
        std::vector<int> punctual(static_cast<std::size_t>(ranks));
        std::set<std::vector<double>> different;
        double sum = 0;
        double latest = 0;
        for (std::size_t round = 0; round < kRounds; ++round) {
            const auto delays = skew.delays(round);
            ASSERT_EQ(delays.size(), punctual.size());
            EXPECT_EQ(std::count(delays.begin(), delays.end(), 0.0), 1);
            for (std::size_t rank = 0; rank < delays.size(); ++rank) {
                EXPECT_GE(delays[rank], 0);
                EXPECT_LE(delays[rank], kMax);
                EXPECT_EQ(skew.delay(round, static_cast<int>(rank)), delays[rank]);
                punctual[rank] += delays[rank] == 0 ? 1 : 0;
                sum += delays[rank];
                latest = std::max(latest, delays[rank]);
            }
            EXPECT_EQ(Skew(kMax, ranks, 7).delays(round), delays) << "the same on every rank";
            different.insert(delays);
        }
        if (ranks == 1) continue;
        EXPECT_EQ(different.size(), kRounds) << "another one for each round";
        EXPECT_NE(Skew(kMax, ranks, 8).delays(0), skew.delays(0)) << "another seed";
        // Uniform: each rank is punctual in as many rounds, within five standard deviations, and
        // the others are late by half of the most on average.
        const double share = 1.0 / ranks;
        const double deviation = std::sqrt(kRounds * share * (1 - share));
        for (const int count : punctual) EXPECT_NEAR(count, kRounds * share, 5 * deviation);
        const double late = kRounds * (ranks - 1.0);
        EXPECT_NEAR(sum / late / kMax, 0.5, 5 * std::sqrt(1 / (12 * late)));
        EXPECT_GT(latest, 0.99 * kMax);
    }
}

TEST(Skew, ScalesWithTheMostAndMayBeNone) {
    const auto some = Skew(1, 4, 3).delays(5);
    auto twice = Skew(2, 4, 3).delays(5);
    for (auto& delay : twice) delay /= 2;
    EXPECT_EQ(twice, some);
    EXPECT_TRUE(Skew().none());
    EXPECT_TRUE(Skew(0, 4, 3).none());
    EXPECT_EQ(Skew(0, 4, 3).delay(5, 2), 0);
}

TEST(Timeline, FindsTheOffsetsOfClocksThatDisagree) {
    const auto bootstrap = make_mpi_bootstrap();
    // Every rank's clock is off by another amount, as on hosts of their own.
    const double skew = 1000.0 * bootstrap->rank();
    Timeline timeline(*bootstrap, false, [=] { return steady_seconds() + skew; });
    const double here = timeline.now() - steady_seconds();
    EXPECT_LT(std::abs(here), timeline.residual() + 1e-3) << "rank " << bootstrap->rank();
    EXPECT_EQ(timeline.residual() > 0, bootstrap->size() > 1);
}

TEST(Timeline, StartsAllRanksAfterTheLastHasCome) {
    const auto bootstrap = make_mpi_bootstrap();
    Timeline timeline(*bootstrap, true);
    for (int late = 0; late < bootstrap->size(); ++late) {
        if (bootstrap->rank() == late) std::this_thread::sleep_for(std::chrono::milliseconds(20));
        const double came = timeline.now();
        timeline.wait_for_common_start();
        EXPECT_GE(timeline.now(), bootstrap->max(came));
    }
}

TEST(Timer, KnowsItsOwnCost) {
    const auto timer = measure_timer();
    EXPECT_GT(timer.overhead, 0);
    EXPECT_LT(timer.overhead, 1e-4);
    EXPECT_GT(timer.resolution, 0);
    EXPECT_LT(timer.resolution, 1e-3);
}

/// Each rank has a clock of its own that only passes where a test says so.
class SamplerTest : public testing::Test {
protected:
    std::unique_ptr<Bootstrap> bootstrap_ = make_mpi_bootstrap();
    VirtualClock clock_;
    std::unique_ptr<Device> device_ = make_host_device(clock_.clock());
    std::unique_ptr<Stream> stream_ = device_->make_stream();
    Timeline timeline_{*bootstrap_, true, clock_.clock()};

    static std::function<void(double)> silent() {
        return [](double) {};
    }
};

TEST_F(SamplerTest, TakesTheSlowestRankAndAgreesOnTheEnd) {
    int slow_runs = 0;
    int fast_runs = 0;
    // Each rank takes another time; the last one decides what a sample is.
    const double mine = 1.0 + bootstrap_->rank();
    const std::vector<Candidate> candidates{{[] {}, [&] { ++slow_runs, clock_.pass_ms(2 * mine); }},
                                            {[] {}, [&] { ++fast_runs, clock_.pass_ms(mine); }}};
    Sampler sampler({*bootstrap_, timeline_, *stream_});
    const auto series = sampler.measure(candidates, {8, 0.001, 1e-9}, 3, silent());
    EXPECT_EQ(series.stop_reason, StopReason::min_samples);
    // All ranks ran as often as rank 0 decided.
    EXPECT_EQ(bootstrap_->max(slow_runs), -bootstrap_->max(-slow_runs));
    EXPECT_EQ(slow_runs, fast_runs);
    if (bootstrap_->rank() != 0) {
        EXPECT_TRUE(series.seconds.front().empty());
        return;
    }
    ASSERT_EQ(series.seconds[0].size(), 8U);
    for (std::size_t sample = 0; sample < 8; ++sample) {
        EXPECT_NEAR(series.seconds[0][sample], 2e-3 * bootstrap_->size(), kNear);
        EXPECT_NEAR(series.seconds[1][sample], 1e-3 * bootstrap_->size(), kNear);
    }
}

TEST_F(SamplerTest, StopsForEachOfItsReasons) {
    const std::vector<Candidate> candidates{{[] {}, [this] { clock_.pass_ms(0.5); }},
                                            {[] {}, [this] { clock_.pass_ms(0.5); }}};
    Sampler sampler({*bootstrap_, timeline_, *stream_});
    EXPECT_EQ(sampler.measure(candidates, {6, 30, 10}, 1, silent()).stop_reason, StopReason::ci);
    EXPECT_EQ(sampler.measure(candidates, {6, 0.2, 1e-12}, 1, silent()).stop_reason,
              StopReason::budget);
    EXPECT_EQ(sampler.measure(candidates, {6, 1e-6, 1e-12}, 1, silent()).stop_reason,
              StopReason::min_samples);
}

TEST_F(SamplerTest, LeavesWaitingForALateRankOutOfTheSample) {
    // The region is short, but one rank comes to it late: its primer takes long.
    const bool late = bootstrap_->rank() == bootstrap_->size() - 1;
    const std::vector<Candidate> candidates{{[=, this] {
                                                 if (late) clock_.pass_ms(20);
                                             },
                                             [this] { clock_.pass_ms(0.1); }}};
    Sampler sampler({*bootstrap_, timeline_, *stream_});
    const auto series = sampler.measure(candidates, {6, 1e-6, 1}, 1, silent());
    if (bootstrap_->rank() != 0) return;
    for (const double sample : series.seconds[0]) EXPECT_NEAR(sample, 0.1e-3, kNear);
}

TEST_F(SamplerTest, SplitsAStepIntoPhasesAndKeepsWaitingApart) {
    constexpr std::array<std::string_view, 3> kNames{"work", "idle", "exchange"};
    PhaseSplitter splitter({*bootstrap_, timeline_, *device_, *stream_}, kNames, "exchange");
    const int last = bootstrap_->size() - 1;
    const std::vector<std::function<void(Trace&)>> steps{[&](Trace& trace) {
        {
            const Phase mark(trace, "work", *stream_);
            clock_.pass_ms(bootstrap_->rank() == last ? 20 : 2);
        }
        const Phase mark(trace, "exchange", *stream_);
        clock_.meet(*bootstrap_);
        clock_.pass_ms(3);
    }};
    const auto split = splitter.measure(steps, 5, [] {}).front();
    if (bootstrap_->rank() != 0) return;
    ASSERT_EQ(split.phases.size(), 3U);
    EXPECT_NEAR(split.phases[0], 20e-3, kNear) << "the critical rank's work";
    EXPECT_EQ(split.phases[1], 0) << "a phase that never happened";
    EXPECT_NEAR(split.phases[2], 3e-3, kNear);
    EXPECT_NEAR(split.step, 23e-3, kNear);
    ASSERT_EQ(split.fastest.size(), static_cast<std::size_t>(bootstrap_->size()));
    const double start = split.fastest.back().arrival;
    for (const auto& rank : split.fastest) {
        ASSERT_EQ(rank.phases.size(), 3U);
        const bool is_last = &rank == &split.fastest.back();
        EXPECT_NEAR(rank.arrival, start, kNear) << "one time line";
        EXPECT_NEAR(rank.exit - start, 23e-3, kNear);
        EXPECT_NEAR(rank.phases[0].duration, is_last ? 20e-3 : 2e-3, kNear);
        EXPECT_EQ(rank.phases[1].duration, 0) << "a phase that never happened";
        EXPECT_NEAR(rank.phases[2].begin, is_last ? 20e-3 : 2e-3, kNear);
        EXPECT_NEAR(rank.phases[2].duration, is_last ? 3e-3 : 21e-3, kNear) << "with its waiting";
    }
    if (bootstrap_->size() == 1) {
        EXPECT_EQ(split.wait, 0);
    } else {
        EXPECT_NEAR(split.arrival_spread, 18e-3, kNear);
        EXPECT_NEAR(split.wait, 18e-3 * last / bootstrap_->size(), kNear)
            << "the mean of the ranks";
    }
}

TEST_F(SamplerTest, RanksComeLateToMarkedStepsAsToSamples) {
    constexpr std::array<std::string_view, 2> kNames{"work", "exchange"};
    PhaseSplitter splitter({*bootstrap_, timeline_, *device_, *stream_}, kNames, "exchange",
                           Skew(4e-3, bootstrap_->size(), 1));
    const std::vector<std::function<void(Trace&)>> steps{[&](Trace& trace) {
        { const Phase mark(trace, "work", *stream_); }
        const Phase mark(trace, "exchange", *stream_);
        clock_.meet(*bootstrap_);
    }};
    const auto split = splitter.measure(steps, 9, [] {}).front();
    if (bootstrap_->rank() != 0 || bootstrap_->size() == 1) return;
    EXPECT_GE(split.arrival_spread, 0.5e-3) << "of 0 to 4 ms, the median";
    EXPECT_NEAR(split.step, 0, kNear) << "a step counts from the latest arrival";
}

TEST_F(SamplerTest, RefusesAPhaseThatWasNotAnnounced) {
    constexpr std::array<std::string_view, 1> kNames{"work"};
    PhaseRecorder recorder(*device_, kNames);
    EXPECT_THROW(recorder.enter("rest", *stream_), Error);
}

}  // namespace
}  // namespace moe
