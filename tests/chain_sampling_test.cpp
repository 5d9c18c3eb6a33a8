// Samples of regions that a graph chains, from timelines that are made up: the order of the
// samples, what each is of all ranks, and what is counted. On the host, which chains nothing
// itself; 1 to 4 ranks.
#include "bench/measure/sampler.hpp"
#include "comm/mpi/mpi_bootstrap.hpp"
#include "tests/backends.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace moe {
namespace {

/// Chains on a clock of the test's own, which passes with every look at it and where a run says so.
class ChainSampling : public testing::Test {
protected:
    static constexpr int kRegions = 4;
    std::unique_ptr<Bootstrap> bootstrap_ = make_mpi_bootstrap();
    Device& device_ = *OpenBackends::opened().front().device;
    std::unique_ptr<Stream> stream_ = device_.make_stream();
    double now_{};
    double tick_{1e-6};
    Timeline timeline_{*bootstrap_, true, [this] { return now_ += tick_; }};
    RegionTimer timer_{device_, timeline_, *stream_};

    Series measure(const std::vector<Candidate>& candidates, const StopRule& rule,
                   Mode mode = Mode::isolated) {
        Sampler sampler({*bootstrap_, timeline_, *stream_, &timer_}, mode);
        return sampler.measure(candidates, rule, 3, [](double) {});
    }

    /// What the slowest rank takes for a region of a launch; another rank each time.
    static double longest(std::size_t candidate, int launch, int region) {
        return static_cast<double>(candidate + 1) + 1e-2 * launch + 1e-4 * region;
    }
    /// Candidates that say so; `launches` counts theirs.
    std::vector<Candidate> chains(std::vector<int>& launches) {
        std::vector<Candidate> candidates;
        for (std::size_t candidate = 0; candidate < launches.size(); ++candidate) {
            auto& launch = launches[candidate];
            const auto seconds = [this, candidate, &launch] {
                std::vector<double> all;
                for (int region = 0; region < kRegions; ++region) {
                    const bool slowest =
                        (launch + region) % bootstrap_->size() == bootstrap_->rank();
                    all.push_back(longest(candidate, launch, region) - (slowest ? 0 : 0.5));
                }
                ++launch;
                return all;
            };
            candidates.push_back(
                {.warm_up = [] {}, .run = [] {}, .regions = kRegions, .region_seconds = seconds});
        }
        return candidates;
    }
};

TEST_F(ChainSampling, EachRegionIsASampleOfItsSlowestRank) {
    tick_ = 1e-3 * (1 + bootstrap_->rank());  // ranks look at different moments, and launch at them
    std::vector<int> launches(3);
    const auto series = measure(chains(launches), {10, 1e-9, 1e-9});
    EXPECT_EQ(series.repeats, 1);
    EXPECT_TRUE(series.by_device);
    EXPECT_EQ(series.stop_reason, StopReason::min_samples);
    EXPECT_EQ(launches, std::vector<int>(3, launches[0]));
    if (bootstrap_->rank() != 0) return;
    for (std::size_t candidate = 0; candidate < 3; ++candidate) {
        const auto& seconds = series.seconds[candidate];
        ASSERT_EQ(seconds.size(), 12U) << "three launches have ten samples";
        EXPECT_EQ(series.arrival_spread[candidate].size(), seconds.size());
        EXPECT_EQ(series.predecessors[candidate], std::vector<Predecessor>(seconds.size()));
        for (int i = 0; i < 12; ++i) {
            const int launch = launches[candidate] - 3 + i / kRegions;
            EXPECT_NEAR(seconds[static_cast<std::size_t>(i)],
                        longest(candidate, launch, i % kRegions), 1e-9)
                << "candidate " << candidate << ", sample " << i;
        }
    }
}

TEST_F(ChainSampling, CheckpointsCountSamples) {
    // Known at once: after as many launches as have 18 samples, which are five.
    const auto same = [] { return std::vector<double>(kRegions, 1e-3); };
    const std::vector<Candidate> known(
        2, {.warm_up = [] {}, .run = [] {}, .regions = kRegions, .region_seconds = same});
    const auto at_once = measure(known, {18, 10, 0.02});
    EXPECT_EQ(at_once.stop_reason, StopReason::ci);
    // Never known: the budget ends it, after ten rounds of ten seconds.
    std::vector<int> launches(2);
    auto unknown = chains(launches);
    for (auto& candidate : unknown) candidate.run = [this] { now_ += 5; };
    unknown[1].region_seconds = [&, count = 0]() mutable {
        return std::vector<double>(kRegions, ++count % 2 == 0 ? 1e-3 : 1e-2);
    };
    const auto spent = measure(unknown, {18, 100, 1e-9});
    EXPECT_EQ(spent.stop_reason, StopReason::budget);
    if (bootstrap_->rank() != 0) return;
    EXPECT_EQ(at_once.seconds[1].size(), 20U);
    EXPECT_EQ(spent.seconds[1].size(), 10U * kRegions);
}

TEST_F(ChainSampling, PlantedChainsAreSlowerByTheirShare) {
    std::vector<int> launches(2);
    auto candidates = chains(launches);
    candidates[1].slowdown = 0.5;
    const auto series = measure(candidates, {kRegions, 1e-9, 1e-9});
    if (bootstrap_->rank() != 0) return;
    for (int i = 0; i < kRegions; ++i) {
        EXPECT_NEAR(series.seconds[1][static_cast<std::size_t>(i)],
                    1.5 * longest(1, launches[1] - 1, i), 1e-9);
    }
}

/// Every rank's parts end later than those of the rank before it.
TEST_F(ChainSampling, PartsAreSamplesOfTheirSlowestRank) {
    std::vector<int> launches(2);
    auto candidates = chains(launches);
    candidates[1].slowdown = 0.5;
    candidates[1].parts = 2;
    candidates[1].part_seconds = [this] {
        std::vector<double> all;
        for (int region = 0; region < kRegions; ++region) {
            all.push_back(1 + 0.1 * bootstrap_->rank() + 1e-3 * region);
            all.push_back(2 + 0.1 * bootstrap_->rank() + 1e-3 * region);
        }
        return all;
    };
    const auto series = measure(candidates, {kRegions, 1e-9, 1e-9});
    if (bootstrap_->rank() != 0) return;
    EXPECT_TRUE(series.parts[0].empty());
    ASSERT_EQ(series.parts[1].size(), 2U);
    const double last = 0.1 * (bootstrap_->size() - 1);
    for (std::size_t part = 0; part < 2; ++part) {
        ASSERT_EQ(series.parts[1][part].size(), series.seconds[1].size());
        for (int i = 0; i < kRegions; ++i) {
            EXPECT_NEAR(series.parts[1][part][static_cast<std::size_t>(i)],
                        1.5 * (1 + static_cast<double>(part) + last + 1e-3 * i), 1e-9);
        }
    }
}

TEST_F(ChainSampling, ARegionWithPartsRunsOnceInASample) {
    int runs = 0;
    const std::vector<Candidate> candidates{
        {.warm_up = [] {}, .run = [] {}},
        {.warm_up = [&] { runs = 0; },
         .run =
             [&] {
                 ++runs;
                 now_ += 1e-9;  // by far too short
             },
         .parts = 1,
         .part_seconds =
             [&] {
                 EXPECT_EQ(runs, 1);
                 return std::vector<double>{0.1 * (bootstrap_->rank() + 1)};
             }}};
    const auto series = measure(candidates, {10, 1e-9, 1e-9});
    EXPECT_EQ(series.repeats, 1);
    if (bootstrap_->rank() != 0) return;
    ASSERT_EQ(series.parts[1].front().size(), 10U);
    // From the last rank's arrival on, which is a few ticks after another one's.
    for (const double seconds : series.parts[1].front()) {
        EXPECT_NEAR(seconds, 0.1 * bootstrap_->size(), 100 * tick_);
    }
}

TEST_F(ChainSampling, PipelinedASampleIsTheMeanOfAllRegions) {
    // A run takes the slowest rank four regions of 50 us. Looking at the clock takes 100 us, as
    // agreeing on a start does: 20 times that are seven runs with the look at their end, or up to
    // eleven where another rank arrived that much later.
    tick_ = 100e-6;
    timeline_.synchronize();
    const auto chain = [this](double region) {
        return Candidate{
            .warm_up = [] {},
            .run = [this,
                    region] { now_ += kRegions * (bootstrap_->rank() == 0 ? region : region / 2); },
            .regions = kRegions};
    };
    const std::vector<Candidate> candidates{chain(50e-6), chain(150e-6)};
    for (auto* timer : {&timer_, static_cast<RegionTimer*>(nullptr)}) {
        Sampler sampler({*bootstrap_, timeline_, *stream_, timer}, Mode::pipelined);
        const auto series = sampler.measure(candidates, {10, 1e-9, 1e-9}, 3, [](double) {});
        EXPECT_GE(series.repeats, 7 * kRegions);
        EXPECT_LE(series.repeats, (bootstrap_->size() == 1 ? 7 : 11) * kRegions);
        if (bootstrap_->rank() != 0) continue;
        for (std::size_t candidate = 0; candidate < 2; ++candidate) {
            ASSERT_EQ(series.seconds[candidate].size(), 10U);
            EXPECT_EQ(series.predecessors[candidate].size(), 10U);
            for (const double seconds : series.seconds[candidate]) {
                EXPECT_NEAR(seconds, candidate == 0 ? 50e-6 : 150e-6,
                            tick_ / series.repeats + 1e-12);
            }
        }
    }
}

}  // namespace
}  // namespace moe
