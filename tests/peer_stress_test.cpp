// Peer kernels of the host under ThreadSanitizer: threads of one process stand for ranks. Rounds of
// changing kernels, shapes and places, with other data in each. A barrier that is missing, or that
// does not order what lies on both sides of it, is a data race, or a wrong sum.
#include "kernels/host/peer_kernels.hpp"
#include "kernels/host/rank_flags.hpp"
#include "tests/peer_rank.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace moe {
namespace {

constexpr std::uint64_t kRounds = 1000;

/// With epochs that begin at `epoch`: a round passes two barriers at most.
void expect_right(int ranks, std::uint32_t epoch) {
    const auto seed = static_cast<unsigned>(ranks) + epoch;
    const SharedMemory memory(ranks, {.flags = RankFlags::kWords}, epoch);
    std::vector<std::string> wrong(static_cast<std::size_t>(ranks));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < ranks; ++rank) {
        threads.emplace_back([&, rank] {
            PeerRank one({.memory = memory,
                          .rank = rank,
                          .seed = seed,
                          .kernels = make_host_peer_kernels(std::this_thread::yield),
                          .dense = DType::f32});
            wrong[static_cast<std::size_t>(rank)] = one.run(kRounds);
        });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& text : wrong) EXPECT_EQ(text, "");
}

class PeerStress : public testing::TestWithParam<int> {};

TEST_P(PeerStress, EpochsWrapAround) {
    expect_right(GetParam(), 0xffffffffU - kRounds);
}
TEST_P(PeerStress, EpochsPassTheLargestSignedNumber) {
    expect_right(GetParam(), 0x7fffffffU - kRounds);
}

INSTANTIATE_TEST_SUITE_P(Threads, PeerStress, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace moe
