// A push whose ranks do not all have rows of whole vectors: pieces have the same parts on all of
// them, or a rank would wait for what another one sends only after what it waits for itself.
#include "kernels/cuda/peer.hpp"
#include "kernels/cuda/peer_kernels.hpp"
#include "kernels/host/host_device.hpp"
#include "tests/shared_blocks.hpp"
#include "tests/simt/simt.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace moe {
namespace {

constexpr int kRanks = 3;          // of two pieces are not paced
constexpr std::int64_t kCols = 4;  ///< of f32: a vector
/// Of each rank: 16 parts of 2 vectors for each of 512 threads, and what is a little more than half
/// of one.
constexpr std::array<std::int64_t, kRanks> kOwned{16 * 2 * 512, 513, 513};
constexpr std::array<std::int64_t, kRanks + 1> kFirst{0, kOwned[0], kOwned[0] + kOwned[1],
                                                      kOwned[0] + kOwned[1] + kOwned[2]};

float value(int rank, std::int64_t i) {
    return static_cast<float>(rank * 1000 + i % 977);
}

/// Sums of all ranks but the first lie off a vector. Whether rank `rank` has its sums.
bool is_right(int rank, const PeerTable& inbox, PeerKernels& kernels) {
    std::vector<float> sums(static_cast<std::size_t>(kFirst.back() * kCols) + kCols);
    auto* in = sums.data() + rank;
    for (std::int64_t i = 0; i < kFirst.back() * kCols; ++i) in[i] = value(rank, i);
    const auto me = static_cast<std::size_t>(rank);
    std::vector<float> own(static_cast<std::size_t>(kOwned[me] * kCols));
    constexpr std::size_t kRow = kCols * sizeof(float);
    const PushPlan plan(PushShape::direct, kFirst, kRow);
    const std::vector<std::size_t> halves(kRanks, half_bytes(kRanks, kOwned[0] * kRow));
    const auto stream = make_host_device()->make_stream();
    const auto matrix = [](float* data, std::int64_t rows) {
        return Matrix{reinterpret_cast<std::byte*>(data), rows, kCols, DType::f32};
    };
    kernels.push_sum(inbox,
                     {.in = matrix(in, kFirst.back()),
                      .plan = plan,
                      .half_bytes = halves,
                      .out = matrix(own.data(), kOwned[me])},
                     *stream);
    bool right = true;
    for (std::int64_t i = 0; i < kOwned[me] * kCols; ++i) {
        const auto all = kFirst[me] * kCols + i;
        right = right &&
                own[static_cast<std::size_t>(i)] == value(0, all) + value(1, all) + value(2, all);
    }
    return right;
}

TEST(UnlikeRanks, HaveTheSamePartsOfPieces) {
    constexpr double kPatience = 30;  // seconds
    const auto watch = std::make_shared<const cuda::PeerWatch>(kPatience);
    constexpr SharedBlocks::Words kWords{cuda::kMaxFlagBlocks * cuda::kMaxPeers, cuda::kMaxEpochs};
    const SharedBlocks inbox(kRanks, 2 * half_bytes(kRanks, kOwned[0] * kCols * sizeof(float)),
                             kWords, 0);
    std::array<bool, kRanks> right{};
    std::vector<std::thread> threads;
    for (int rank = 0; rank < kRanks; ++rank) {
        threads.emplace_back([&, rank] {
            simt::resident_blocks = 1;
            const auto kernels = cuda::make_peer_kernels(watch, {.most = 1, .may_queue = false});
            right[static_cast<std::size_t>(rank)] = is_right(rank, inbox.of(rank), *kernels);
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(watch->failure(), "");
    EXPECT_TRUE(right[0] && right[1] && right[2]);
}

}  // namespace
}  // namespace moe
