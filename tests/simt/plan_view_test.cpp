// The turns in which kernels that push have the parts of pieces.
#include "kernels/cuda/push_plan.cuh"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moe::cuda {
namespace {

PlanView<PiecePlace> paced(const std::vector<std::int64_t>& parts) {
    PlanView<PiecePlace> plan{};
    plan.count = static_cast<int>(parts.size());
    for (int i = 0; i < plan.count; ++i) plan.at[i].owner = static_cast<std::int16_t>(i);
    plan.set_pace(
        [&](const PiecePlace& piece) { return parts[static_cast<std::size_t>(piece.owner)]; });
    return plan;
}

/// Expects of each piece that it has its parts in order, and at any turn as many as its share of
/// the turns, give or take one.
void expect_spread(const std::vector<std::int64_t>& parts) {
    const auto plan = paced(parts);
    for (int i = 0; i < plan.count; ++i) {
        const auto all = parts[static_cast<std::size_t>(i)];
        std::int64_t had = 0;
        for (int turn = 0; turn < plan.turns; ++turn) {
            const auto part = plan.part(plan.at[i], turn);
            if (part >= 0) {
                ASSERT_EQ(part, had) << "piece " << i << ", turn " << turn;
                ++had;
            }
            ASSERT_LE(had * plan.turns, (turn + 2) * all) << "piece " << i << ", turn " << turn;
            ASSERT_GE((had + 1) * plan.turns, turn * all) << "piece " << i << ", turn " << turn;
        }
        ASSERT_EQ(had, all) << "piece " << i;
    }
}

TEST(PlanView, SpreadsThePartsOfEachPieceEvenly) {
    expect_spread({1});
    expect_spread({4, 4});
    expect_spread({5, 3, 1, 7});
    expect_spread({99991, 33333, 1, 77777, 49995, 99990});
}
// Products of turns and paces are then of nearly 62 bits.
TEST(PlanView, HasAllPartsInOrderInTheMostTurnsThatThereAre) {
    constexpr int kMost = kMostTurns - 1;
    constexpr int kSome = 1000;
    const std::vector<std::int64_t> parts{kMost, kMost - 1, kMost / 3, 1};
    const auto plan = paced(parts);
    for (int i = 1; i < plan.count; ++i) {
        const auto& piece = plan.at[i];
        const auto all = parts[static_cast<std::size_t>(i)];
        EXPECT_EQ(std::uint64_t{piece.pace} * kMost >> 32U, all) << "piece " << i;
        for (const int first : {0, kMost / 2, kMost - kSome}) {
            auto due =
                static_cast<int>(std::uint64_t{piece.pace} * static_cast<unsigned>(first) >> 32U);
            for (int turn = first; turn < first + kSome; ++turn) {
                const auto part = plan.part(piece, turn);
                if (part < 0) continue;
                ASSERT_EQ(part, due++) << "piece " << i << ", turn " << turn;
            }
            if (first == kMost - kSome) {
                EXPECT_EQ(due, all) << "piece " << i;
            }
        }
    }
}
TEST(PlanView, HasNoMoreTurnsThanWorkersCanCount) {
    EXPECT_THROW(paced({std::int64_t{kMostTurns} + 1}), Error);
}

}  // namespace
}  // namespace moe::cuda
