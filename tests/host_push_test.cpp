// The host's push kernels as one rank of two, whose peer has come already, or comes while this rank
// waits.
#include "kernels/host/peer_kernels.hpp"

#include "kernels/host/host_device.hpp"
#include "kernels/host/rank_flags.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <vector>

namespace moe {
namespace {

constexpr std::int64_t kRows = 2;  ///< of each rank
constexpr std::int64_t kCols = 5;
constexpr auto kValues = static_cast<std::size_t>(kRows * kCols);
constexpr std::byte kUntouched{0x5a};

/// Inboxes of two ranks for rows of `row_bytes`, as rank 0 reaches them.
class Inboxes {
public:
    explicit Inboxes(std::size_t row_bytes)
        : plan(PushShape::direct, std::array<std::int64_t, 3>{0, kRows, 2 * kRows}, row_bytes) {
        for (std::size_t rank = 0; rank < 2; ++rank) {
            half_bytes.push_back(plan.half_bytes(static_cast<int>(rank)));
            memory_[rank].assign(2 * half_bytes[rank], kUntouched);
            data_[rank] = memory_[rank].data();
            flags_[rank] = words_[rank].data();
        }
    }
    /// The peer comes to its first call, and has sent nothing.
    void let_peer_begin() { words_[1] = {1, 0}; }
    /// The peer has sent one row more.
    void send_one_more() { ++words_[1][1]; }
    [[nodiscard]] PeerTable table() const { return {.data = data_, .flags = flags_, .rank = 0}; }
    /// What rank `source` writes to rank `owner` in the first call.
    [[nodiscard]] std::byte* slot(int owner, int source) {
        return data_[static_cast<std::size_t>(owner)] +
               static_cast<std::size_t>(source) * plan.slot_bytes(owner);
    }
    [[nodiscard]] bool own_slot_is_untouched() {
        return std::all_of(slot(0, 0), slot(0, 1), [](auto byte) { return byte == kUntouched; });
    }

    PushPlan plan;
    std::vector<std::size_t> half_bytes;

private:
    std::array<std::vector<std::byte>, 2> memory_;
    static constexpr std::uint32_t kAhead = 1U << 30U;
    std::array<std::array<std::uint32_t, RankFlags::kWords>, 2> words_{{{}, {kAhead, kAhead}}};
    std::array<std::byte*, 2> data_{};
    std::array<std::uint32_t*, 2> flags_{};
};

Matrix view(std::vector<float>& values) {
    return {reinterpret_cast<std::byte*>(values.data()),
            static_cast<std::int64_t>(values.size()) / kCols, kCols, DType::f32};
}

TEST(HostPush, OwnRowsAreReadWhereTheyLie) {
    const auto device = make_host_device();
    const auto stream = device->make_stream();
    std::vector<float> in(2 * kValues), out(kValues);
    std::fill_n(in.begin(), kValues, 1.0F);
    std::fill_n(in.begin() + kValues, kValues, 2.0F);
    Inboxes inboxes(view(in).row_bytes());
    std::fill_n(reinterpret_cast<float*>(inboxes.slot(0, 1)), kValues, 4.0F);
    make_host_peer_kernels([] {})->push_sum(
        inboxes.table(),
        {.in = view(in), .plan = inboxes.plan, .half_bytes = inboxes.half_bytes, .out = view(out)},
        *stream);
    EXPECT_EQ(out, std::vector<float>(kValues, 5.0F));
    EXPECT_EQ(*reinterpret_cast<float*>(inboxes.slot(1, 0)), 2.0F);
    EXPECT_TRUE(inboxes.own_slot_is_untouched());
}

/// Four rows that have two entries together, both of dense row 0.
struct TwoEntries {
    std::array<std::int32_t, 2 * kRows + 1> offsets;
    std::array<float, 2> weights;
    std::array<std::int32_t, 2> indices{};

    void push(Inboxes& inboxes, std::vector<float>& dense, std::vector<float>& out,
              const std::function<void()>& idle) {
        const auto stream = make_host_device()->make_stream();
        make_host_peer_kernels(idle)->push_weighted_sum(
            inboxes.table(),
            {.rows = {2 * kRows, offsets.data(), indices.data(), weights.data()},
             .dense = view(dense),
             .plan = inboxes.plan,
             .half_bytes = inboxes.half_bytes,
             .out = view(out)},
            *stream);
    }
};

TEST(HostPush, OwnWeightedRowsAreAddedWithoutTheInbox) {
    std::vector<float> dense(kCols, 1.0F), out(kValues);
    // Row 0 and row 3 of four have an entry; the peer has none for rank 0.
    TwoEntries entries{{0, 1, 1, 1, 2}, {0.5F, 3.0F}};
    const auto stride = PushWeightedSum::inbox_row_bytes(view(dense).row_bytes());
    Inboxes inboxes(stride);
    std::fill_n(inboxes.slot(0, 1), 2 * stride, std::byte{0});
    entries.push(inboxes, dense, out, [] {});
    std::vector<float> expected(kValues);
    std::fill_n(expected.begin(), kCols, 0.5F);
    EXPECT_EQ(out, expected);
    EXPECT_EQ(*reinterpret_cast<float*>(inboxes.slot(1, 0) + stride), 3.0F);
    EXPECT_TRUE(inboxes.own_slot_is_untouched());
}

TEST(HostPush, WeightedRowsAreAddedOneByOneAsTheyCome) {
    std::vector<float> dense(kCols, 1.0F), out(kValues);
    TwoEntries entries{{0, 1, 2, 2, 2}, {0.5F, 0.25F}};
    const auto row_bytes = view(dense).row_bytes();
    const auto stride = PushWeightedSum::inbox_row_bytes(row_bytes);
    Inboxes inboxes(stride);
    inboxes.let_peer_begin();
    // While this rank waits for a row its peer sends it, and the rows before it are complete.
    std::int64_t came = 0;
    std::vector<float> complete_before;
    const auto send_next = [&] {
        ASSERT_LT(came, kRows);
        if (came > 0) complete_before.push_back(out[static_cast<std::size_t>(kCols * came - 1)]);
        auto* slot = inboxes.slot(0, 1) + static_cast<std::size_t>(came++) * stride;
        std::fill_n(reinterpret_cast<float*>(slot), kCols, 4.0F);
        slot[stride - PushPlan::kVector] = std::byte{1};
        inboxes.send_one_more();
    };
    entries.push(inboxes, dense, out, send_next);
    EXPECT_EQ(came, kRows);
    EXPECT_EQ(complete_before, std::vector<float>(kRows - 1, 4.5F));
    EXPECT_EQ(out.back(), 4.25F);
}

/// How often a rank that begins a call waits in vain for one that has come to `behind` fewer calls.
int waits_at_the_beginning(std::uint32_t behind) {
    constexpr std::uint32_t kEpoch = 2;  // after a wrap, where a peer that is behind is not yet
    std::array<std::array<std::uint32_t, RankFlags::kWords>, 2> words{
        {{kEpoch}, {kEpoch + 1 - behind}}};
    std::array<std::uint32_t*, 2> flags{words[0].data(), words[1].data()};
    std::array<std::byte*, 2> data{};
    const PeerTable table{.data = data, .flags = flags, .rank = 0};
    int waits = 0;
    const std::function<void()> come_once = [&] {
        ++waits;
        ++words[1][0];
    };
    RankFlags(table, come_once).begin_call();
    return waits;
}

TEST(HostPush, ARankIsOneCallAheadAndNotTwo) {
    EXPECT_EQ(waits_at_the_beginning(0), 0);
    EXPECT_EQ(waits_at_the_beginning(1), 0);
    EXPECT_EQ(waits_at_the_beginning(2), 1);
    EXPECT_EQ(waits_at_the_beginning(4), 3);
}

}  // namespace
}  // namespace moe
