// Series as ranks of different speeds take them together: who decides, what ranks say to each other
// meanwhile, and what a sample holds. On 1 to 4 ranks, each with a clock of its own that only
// passes where a test says so.
#include "bench/measure/cache_flush.hpp"
#include "bench/measure/sampler.hpp"
#include "bench/measure/statistics.hpp"
#include "comm/mpi/mpi_bootstrap.hpp"
#include "kernels/host/host_device.hpp"
#include "tests/virtual_clock.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace moe {
namespace {

/// Counts what ranks say to each other, by purpose.
class CountingBootstrap final : public Bootstrap {
public:
    int maxima{};     ///< common starts
    int exchanges{};  ///< everything else

    [[nodiscard]] int rank() const override { return real_->rank(); }
    [[nodiscard]] int size() const override { return real_->size(); }
    [[nodiscard]] const std::vector<std::string>& host_names() const override {
        return real_->host_names();
    }
    void barrier() override { ++exchanges, real_->barrier(); }
    [[nodiscard]] double max(double value) override { return ++maxima, real_->max(value); }
    [[nodiscard]] double sum(double value) override { return ++exchanges, real_->sum(value); }
    [[nodiscard]] std::vector<double> gather(std::span<const double> values) override {
        return ++exchanges, real_->gather(values);
    }
    [[nodiscard]] double broadcast(double value) override {
        return ++exchanges, real_->broadcast(value);
    }
    [[nodiscard]] std::string broadcast(const std::string& text) override {
        return ++exchanges, real_->broadcast(text);
    }
    [[nodiscard]] std::string first_nonempty(const std::string& text) override {
        return ++exchanges, real_->first_nonempty(text);
    }
    [[nodiscard]] std::vector<std::string> all_gather_strings(const std::string& text) override {
        return ++exchanges, real_->all_gather_strings(text);
    }
    void send(double value, int to) override { ++exchanges, real_->send(value, to); }
    [[nodiscard]] double receive(int from) override { return ++exchanges, real_->receive(from); }

private:
    std::unique_ptr<Bootstrap> real_ = make_mpi_bootstrap();
};

class SamplingTest : public testing::Test {
protected:
    CountingBootstrap bootstrap_;
    VirtualClock clock_;
    std::unique_ptr<Device> device_ = make_host_device(clock_.clock());
    std::unique_ptr<Stream> stream_ = device_->make_stream();
    Timeline timeline_{bootstrap_, true, clock_.clock()};

    /// Of this rank, in their order.
    std::vector<std::size_t> warmed_up_;
    int runs_{}, progress_calls_{};

    Series measure(const std::vector<std::function<void()>>& work, const StopRule& rule,
                   Mode mode = Mode::isolated) {
        std::vector<Candidate> candidates;
        for (std::size_t i = 0; i < work.size(); ++i) {
            candidates.push_back({[this, i] { warmed_up_.push_back(i); },
                                  [this, run = work[i]] {
                                      ++runs_;
                                      run();
                                  }});
        }
        return measure(candidates, rule, mode);
    }
    Series measure(const std::vector<Candidate>& candidates, const StopRule& rule, Mode mode) {
        Sampler sampler({bootstrap_, timeline_, *stream_}, mode);
        return sampler.measure(candidates, rule, 3, [this](double share) {
            ++progress_calls_;
            EXPECT_GE(share, 0);
            EXPECT_LE(share, 1);
        });
    }
    void expect_agreed(double value, const char* what) {
        const double most = bootstrap_.max(value);
        const double least = -bootstrap_.max(-value);
        EXPECT_EQ(most, least) << what;
    }
};

TEST_F(SamplingTest, RanksOfDifferentSpeedsAgreeOnEveryDecision) {
    // Left to itself, each rank would find another number of rounds, of warm-ups and of repeats.
    const double mine = 0.01 * (1 + 3 * bootstrap_.rank());
    const std::vector<std::function<void()>> work{[=, this] { clock_.pass_ms(2 * mine); },
                                                  [=, this] { clock_.pass_ms(mine); }, [] {}};
    for (const auto mode : {Mode::isolated, Mode::pipelined}) {
        for (const StopRule& rule : {StopRule{6, 0.1, 1e-9}, StopRule{6, 0.1, 0.5}}) {
            const auto series = measure(work, rule, mode);
            expect_agreed(static_cast<double>(warmed_up_.size()), "samples, warm-up included");
            expect_agreed(runs_, "runs");
            expect_agreed(series.repeats, "repeats");
            expect_agreed(static_cast<double>(series.stop_reason), "reasons to stop");
            EXPECT_EQ(warmed_up_.size(), static_cast<std::size_t>(progress_calls_));
            EXPECT_NE(series.stop_reason, StopReason::none);
            EXPECT_GE(series.repeats, mode == Mode::pipelined ? kShortestBurst : 1);
            EXPECT_EQ(series.seconds.front().empty(), bootstrap_.rank() != 0);
        }
    }
}

TEST_F(SamplingTest, RanksExchangeNothingBetweenCheckpoints) {
    const int before = bootstrap_.maxima;
    timeline_.synchronize();  // as a series does once
    const int once = bootstrap_.maxima - before;
    const auto series = measure({[] {}, [this] { clock_.pass_ms(0.01); }}, {10, 0.5, 1e-9});
    EXPECT_EQ(bootstrap_.maxima - before, 2 * once + static_cast<int>(warmed_up_.size()))
        << "one for each sample";
    EXPECT_GE(warmed_up_.size(), 20U);
    // Each batch asks how many rounds it has and gathers; batches of warm-up are short and at most
    // 26, twice; those of samples grow.
    EXPECT_LT(bootstrap_.exchanges, 2 * (2 * 26 + 25));
    EXPECT_NE(series.stop_reason, StopReason::ci) << "nothing is known to a billionth";
}

TEST_F(SamplingTest, RemembersWhoRanBefore) {
    const auto series = measure({[] {}, [] {}, [] {}}, {10, 0.05, 1e-9});
    if (bootstrap_.rank() != 0) return;
    const auto rounds = series.seconds.front().size();
    const auto first = warmed_up_.size() - 3 * rounds;
    ASSERT_GT(first, 0U) << "there was a warm-up";
    std::vector<std::size_t> taken(3);
    int nobody = 0;
    for (std::size_t i = first; i < warmed_up_.size(); ++i) {
        const auto candidate = warmed_up_[i];
        const auto& predecessor = series.predecessors[candidate][taken[candidate]++];
        nobody += predecessor ? 0 : 1;
        EXPECT_EQ(predecessor.value_or(warmed_up_[i - 1]), warmed_up_[i - 1]);
    }
    EXPECT_FALSE(series.predecessors[warmed_up_[first]].front())
        << "the warm-up is gathered before";
    EXPECT_GE(nobody, 1);
    EXPECT_LT(nobody, 30) << "one for each checkpoint";
}

TEST_F(SamplingTest, RepeatsWhatIsShorterThanTheTimerCanTell) {
    const auto series = measure({[] {}, [this] { clock_.pass_ms(0.2); }}, {6, 1e-6, 1});
    EXPECT_GT(series.repeats, 1);
    EXPECT_EQ(measure({[this] { clock_.pass_ms(0.2); }}, {6, 1e-6, 1}).repeats, 1);
    if (bootstrap_.rank() != 0) return;
    EXPECT_NEAR(estimate_median(series.seconds[1]).median, 0.2e-3, kNear)
        << "a sample is of one run";
}

TEST_F(SamplingTest, PipelinedRanksDoNotWaitForEachOther) {
    // In turn one of two ranks is slow. Isolated, every run takes what the slow one takes;
    // back to back, each rank is slow in half of its runs only.
    if (bootstrap_.size() != 2) GTEST_SKIP() << "for two ranks";
    int run = bootstrap_.rank();
    const std::vector<std::function<void()>> work{[&] {
        if (++run % 2 == 0) clock_.pass_ms(4);
    }};
    const auto isolated = measure(work, {10, 1e-6, 1}, Mode::isolated);
    const auto pipelined = measure(work, {10, 1e-6, 1}, Mode::pipelined);
    if (bootstrap_.rank() != 0) return;
    EXPECT_NEAR(estimate_median(isolated.seconds[0]).median, 4e-3, kNear);
    EXPECT_NEAR(estimate_median(pipelined.seconds[0]).median, 2e-3, kNear);
}

TEST_F(SamplingTest, PlantedRivalsAreSlowerByTheirShare) {
    const auto work = [this] { clock_.pass_ms(4); };
    for (const auto mode : {Mode::isolated, Mode::pipelined}) {
        const auto series =
            measure({Candidate{[] {}, work}, Candidate{[] {}, work, 0.5}}, {9, 1e-6, 1}, mode);
        if (bootstrap_.rank() != 0) continue;
        EXPECT_NEAR(estimate_median(series.seconds[0]).median, 4e-3, kNear);
        EXPECT_NEAR(estimate_median(series.seconds[1]).median, 6e-3, kNear);
    }
}

TEST_F(SamplingTest, LateRanksShowInTheArrivalSpreadAndNotInTheSample) {
    constexpr double kMax = 4e-3;
    RegionTimer timer(*device_, timeline_, *stream_);
    Sampler sampler({bootstrap_, timeline_, *stream_, &timer}, Mode::isolated, kMax);
    const std::vector<Candidate> candidates{{[] {}, [this] { clock_.pass_ms(1); }}, {[] {}, [] {}}};
    const auto series = sampler.measure(candidates, {12, 1e-6, 1}, 3, [](double) {});
    EXPECT_EQ(series.repeats, 1) << "however short the region";
    if (bootstrap_.rank() != 0) return;
    const auto median = [](const std::vector<double>& samples) {
        return estimate_median(samples).median;
    };
    EXPECT_NEAR(median(series.seconds[0]), 1e-3, kNear);
    EXPECT_NEAR(median(series.seconds[1]), 0, kNear);
    if (bootstrap_.size() == 1) return;
    const auto& spread = series.arrival_spread;
    EXPECT_GT(median(spread[0]), 0.5e-3);
    // Both candidates of a round meet the same delays, and rounds different ones.
    for (std::size_t round = 0; round < spread[0].size(); ++round) {
        EXPECT_NEAR(spread[0][round], spread[1][round], kNear);
    }
    const auto [least, most] = std::minmax_element(spread[0].begin(), spread[0].end());
    EXPECT_GT(*most - *least, 1e-3);
}

TEST_F(SamplingTest, WithoutATimerNobodyCanBeLate) {
    Sampler sampler({bootstrap_, timeline_, *stream_}, Mode::isolated, 1e-3);
    EXPECT_THROW(static_cast<void>(sampler.measure(std::vector{Candidate{[] {}, [] {}}},
                                                   {6, 1e-6, 1}, 3, [](double) {})),
                 Error);
}

TEST_F(SamplingTest, CacheFlushReadsMoreThanAnyCacheHolds) {
    auto& device = *device_;
    EXPECT_GT(CacheFlush::bytes(device), 2 * device.cache_bytes());
    CacheFlush cache_flush(device, *stream_);
    cache_flush.flush(*stream_);
    cache_flush.flush(*stream_);
}

}  // namespace
}  // namespace moe
