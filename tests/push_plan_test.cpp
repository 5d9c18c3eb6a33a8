// Who adds up which rows in a reduce_scatterv by push: every row once, with room for all, and so
// that no rank takes in more than it must.
#include "kernels/runtime/push_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

namespace moe {
namespace {

constexpr std::size_t kRowBytes = 24;  // no multiple of a vector

std::vector<std::int64_t> first_of(const std::vector<std::int64_t>& rows) {
    std::vector<std::int64_t> first{0};
    for (const auto count : rows) first.push_back(first.back() + count);
    return first;
}

PushPlan plan_of(PushShape shape, const std::vector<std::int64_t>& rows) {
    return {shape, first_of(rows), kRowBytes};
}

/// Rows that come to the rank to which most come.
std::int64_t ingress(PushShape shape, const std::vector<std::int64_t>& rows) {
    return plan_of(shape, rows).largest_ingress() / static_cast<std::int64_t>(kRowBytes);
}

TEST(PushPlan, SharesWhatOneOwnerHasAmongAll) {
    // Worked by hand: direct, the owner takes in 3 x 4096 rows. Balanced, each helper takes in
    // 3 x 1366 of them at most, and the owner their 4096 sums.
    EXPECT_EQ(ingress(PushShape::direct, {4096, 0, 0, 0}), 3 * 4096);
    EXPECT_EQ(ingress(PushShape::balanced, {4096, 0, 0, 0}), 3 * 1366);
    // 3 x 3072 against level 4096 - 341.
    EXPECT_EQ(ingress(PushShape::direct, {3072, 341, 341, 342}), 3 * 3072);
    EXPECT_NEAR(static_cast<double>(ingress(PushShape::balanced, {3072, 341, 341, 342})), 3755, 3);
}

TEST(PushPlan, IsDirectWhereNobodyTakesInMuch) {
    for (const auto& rows : std::vector<std::vector<std::int64_t>>{
             {5, 5, 5, 5}, {100, 7}, {0, 9}, {12}, {0, 4, 4, 4}}) {
        EXPECT_FALSE(plan_of(PushShape::balanced, rows).forwards());
        EXPECT_EQ(ingress(PushShape::balanced, rows), ingress(PushShape::direct, rows));
    }
}

/// Where a piece lies in an inbox, from which byte to which.
struct Place {
    std::size_t from, to;
};

void expect_apart(std::vector<Place> places, std::size_t end) {
    std::ranges::sort(places, {}, &Place::from);
    for (std::size_t i = 0; i < places.size(); ++i) {
        EXPECT_EQ(places[i].from % PushPlan::kVector, 0U);
        EXPECT_LE(places[i].to, i + 1 < places.size() ? places[i + 1].from : end);
    }
}

TEST(PushPlan, AddsEveryRowOnceWithRoomForAll) {
    std::mt19937 random(7);
    for (int round = 0; round < 2000; ++round) {
        const auto ranks = 1 + random() % 8;
        std::vector<std::int64_t> rows(ranks);
        for (auto& count : rows) {
            const auto some = random() % 3 == 0 ? 0 : random() % (1U << random() % 14);
            count = static_cast<std::int64_t>(some);
        }
        const auto shape = round % 2 == 0 ? PushShape::balanced : PushShape::direct;
        const auto plan = plan_of(shape, rows);
        const auto first = first_of(rows);
        ASSERT_LE(plan.pieces().size(), 2 * ranks - 1);
        EXPECT_TRUE(std::ranges::is_sorted(plan.pieces(), {}, &PushPiece::helper));

        std::vector<int> added(static_cast<std::size_t>(first.back()));
        std::vector<std::vector<Place>> slots(ranks), forwards(ranks);
        for (const auto& piece : plan.pieces()) {
            const auto owner = static_cast<std::size_t>(piece.owner);
            const auto helper = static_cast<std::size_t>(piece.helper);
            const auto start = static_cast<std::size_t>(first[owner]) * kRowBytes;
            if (piece.bytes > 0) {
                EXPECT_EQ(piece.offset, start + piece.in_own);
            }
            for (std::size_t row = 0; row < piece.bytes / kRowBytes; ++row) {
                ++added[piece.offset / kRowBytes + row];
            }
            const auto bytes = std::max(piece.bytes, PushPlan::kVector);
            slots[helper].push_back({piece.in_slot, piece.in_slot + bytes});
            if (piece.forwarded()) {
                forwards[owner].push_back(
                    {plan.forward_at(piece.owner) + piece.in_forward,
                     plan.forward_at(piece.owner) + piece.in_forward + bytes});
            }
        }
        EXPECT_TRUE(std::ranges::all_of(added, [](int times) { return times == 1; }));
        for (std::size_t rank = 0; rank < ranks; ++rank) {
            const auto at = static_cast<int>(rank);
            EXPECT_FALSE(slots[rank].empty()) << "nobody would hear from rank " << rank;
            expect_apart(slots[rank], plan.slot_bytes(at));
            expect_apart(forwards[rank], plan.half_bytes(at));
        }
        const auto others = static_cast<std::int64_t>(ranks) - 1;
        const auto direct = others * std::ranges::max(rows);
        const auto sent = first.back() - std::ranges::min(rows);
        const auto taken = plan.largest_ingress() / static_cast<std::int64_t>(kRowBytes);
        if (shape == PushShape::direct || ranks < 3) {
            EXPECT_EQ(taken, direct);
        } else {
            EXPECT_LE(taken, std::max(std::min(direct, sent + others * others), others));
        }
    }
}

}  // namespace
}  // namespace moe
