// What output steps need at least: bytes by hand, and which parts come one after the other.
#include "bench/case/case_limits.hpp"
#include "comm/mpi/mpi_bootstrap.hpp"
#include "tests/backends.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace moe {
namespace {

constexpr std::int64_t kCols = 64, kRowsOfEach = 6;

class CaseLimitsTest : public testing::Test {
protected:
    /// The rank that has most: its rows are made of as many expert rows each as there are ranks.
    [[nodiscard]] StepBytes count() {
        std::vector<std::int32_t> offsets(static_cast<std::size_t>(owned_.total()) + 1);
        for (std::size_t row = 0; row < offsets.size(); ++row) {
            offsets[row] = static_cast<std::int32_t>(row) * (world_.rank() + 1);
        }
        const auto memory = device_.allocate(offsets.size() * sizeof(std::int32_t));
        device_.upload(reinterpret_cast<const std::byte*>(offsets.data()), memory.data(),
                       memory.bytes());
        CombineInput weighted;
        weighted.weights = {owned_.total(), memory.as<std::int32_t>(), nullptr, nullptr};
        return count_step_bytes(*bootstrap_, setup_, weighted);
    }
    /// Of partial sums, unless `needs` says otherwise.
    [[nodiscard]] StrategyRun strategy(InputNeeds needs = {}) const {
        StrategyRun run;
        run.cost = {.link_bytes = ranks_ > 1 ? setup_.all_bytes() : 0,
                    .memory_bytes = 2 * setup_.all_bytes()};
        run.needs = needs;
        return run;
    }
    [[nodiscard]] CaseLimits limits(const StepBytes& bytes, bool one_memory, bool epilogue) {
        return CaseLimits({calibration_, setup_, bytes, one_memory, epilogue});
    }

    std::unique_ptr<Bootstrap> bootstrap_ = make_mpi_bootstrap();
    Backend& backend_ = OpenBackends::opened().front();
    Device& device_ = *backend_.device;
    Communicator& world_ = *backend_.world;
    std::int64_t ranks_ = world_.size();
    std::unique_ptr<Communicator> alone_ = world_.split(world_.rank());
    RowPartition owned_{std::vector<std::int64_t>(static_cast<std::size_t>(ranks_), kRowsOfEach)};
    CombineSetup setup_ = [this] {
        CombineSetup setup{device_, world_, *alone_, owned_, kCols, DType::bf16};
        setup.weighted.dtype = DType::f32;
        return setup;
    }();
    Timeline timeline_{*bootstrap_, true};
    Calibration calibration_{{device_, world_, *bootstrap_, timeline_}};
};

constexpr InputNeeds kPush{InputNeeds::Kind::weighted_rows, {}};
constexpr InputNeeds kPull{InputNeeds::Kind::weighted_rows, Reach::load_store};

TEST_F(CaseLimitsTest, CountsExpertRowsOfTheRankThatHasMost) {
    const auto bytes = count();
    const std::int64_t expert_row = kCols * 4;
    EXPECT_EQ(bytes.expert_rows, ranks_ * kRowsOfEach * ranks_ * expert_row);
    // 1 + 2 + ... of each row, over all ranks; an owner has as many rows as any other.
    EXPECT_EQ(bytes.of_owner, ranks_ * (ranks_ + 1) / 2 * kRowsOfEach * expert_row);
    EXPECT_EQ(bytes.result, kRowsOfEach * kCols * 2);
}

TEST_F(CaseLimitsTest, PutTheLocalCombineBeforeAnExchangeOfPartialSums) {
    const auto bytes = count();
    auto of = limits(bytes, false, false);
    const auto sums = strategy();
    EXPECT_GE(of.exchange(sums), of.contract());
    const double before = calibration_.limit(
        {.memory_bytes = bytes.expert_rows + setup_.all_bytes()}, bytes.expert_rows, DType::f32);
    EXPECT_GT(before, 0);
    EXPECT_DOUBLE_EQ(of.output(sums), before + of.exchange(sums));
}

TEST_F(CaseLimitsTest, ReadExpertRowsWhileWeightedRowsTravel) {
    const auto bytes = count();
    auto of = limits(bytes, false, false);
    auto push = strategy(kPush);
    auto cost = push.cost;
    cost.memory_bytes += bytes.expert_rows;
    EXPECT_DOUBLE_EQ(of.output(push), calibration_.limit(cost, bytes.expert_rows, DType::f32));
    if (ranks_ == 1) return;
    push.cost.link_bytes *= 1000;
    EXPECT_DOUBLE_EQ(of.output(push), of.exchange(push)) << "the link is what takes long";
}

TEST_F(CaseLimitsTest, HaveNoLinkWhereExpertRowsAreReadInOneMemory) {
    const auto bytes = count();
    auto pull = strategy(kPull);
    pull.cost.link_bytes *= 1000;
    auto linked = limits(bytes, false, false);
    auto shared = limits(bytes, true, false);
    Cost cost{.memory_bytes = pull.cost.memory_bytes + bytes.of_owner};
    EXPECT_DOUBLE_EQ(shared.output(pull), calibration_.limit(cost, bytes.of_owner, DType::f32));
    if (ranks_ > 1) {
        EXPECT_LT(shared.output(pull), linked.output(pull));
    }
}

TEST_F(CaseLimitsTest, CountTheEpilogueInThePassOrBehindIt) {
    const auto bytes = count();
    auto without = limits(bytes, false, false);
    auto with = limits(bytes, false, true);
    for (const auto needs : {InputNeeds{}, kPush}) {
        auto run = strategy(needs);
        const double alone =
            calibration_.limit({.memory_bytes = 4 * bytes.result}, bytes.result, DType::bf16);
        EXPECT_DOUBLE_EQ(with.output(run), without.output(run) + alone);
        run.output.fuses_epilogue = true;
        EXPECT_GE(with.output(run), without.output(run));
        auto as_much = strategy(needs);
        as_much.cost.memory_bytes += 3 * bytes.result;
        EXPECT_DOUBLE_EQ(with.output(run), without.output(as_much));
    }
}

}  // namespace
}  // namespace moe
