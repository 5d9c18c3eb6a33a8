// CUDA kernels over peer memory without a GPU: threads stand for ranks, each with a GPU of its own.
// Blocks that may not all wait at once begin one after the other, words of 32 bits are all that
// comes whole, and ThreadSanitizer reports what is read or written while others still use it.
#include "kernels/cuda/peer.hpp"
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/peer_kernels.hpp"
#include "kernels/cuda/peer_launch.hpp"
#include "kernels/cuda/residual_norm.hpp"
#include "tests/full_tests.hpp"
#include "tests/peer_rank.hpp"
#include "tests/simt/simt.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace moe {

// What the kernels ask the device for.
namespace cuda {
void check(cudaError_t status, const char* file, int line, const char* expression) {
    if (status != cudaSuccess) raise({file, line, expression}, "a call failed");
}
int shared_memory_of_block() {
    return std::getenv("SIMT_NO_RING") != nullptr ? 0 : 80 << 10;  // two rings
}
}  // namespace cuda

namespace {

constexpr SharedBlocks::Words kWords{cuda::kMaxFlagBlocks * cuda::kMaxPeers, cuda::kMaxEpochs};

/// Ranks, and the blocks of a kernel that wait at once on each.
struct Gpus {
    int ranks, blocks;
    bool queue;  ///< whether more blocks are launched
};

std::string name_of(const testing::TestParamInfo<Gpus>& gpus) {
    const auto [ranks, blocks, queue] = gpus.param;
    return fmt::format("{}Ranks{}Blocks{}", ranks, blocks, queue ? "Queue" : "");
}

void expect_right(const Gpus& gpus, std::uint64_t rounds, std::uint32_t epoch,
                  PeerCalls calls = PeerCalls::all) {
    constexpr double kPatience = 30;  // seconds
    const auto watch = std::make_shared<const cuda::PeerWatch>(kPatience);
    const cuda::PeerBlocks blocks{.most = gpus.blocks, .may_queue = gpus.queue};
    const SharedMemory memory(gpus.ranks,
                              {cuda::kMaxFlagBlocks * cuda::kMaxPeers, cuda::kMaxEpochs}, epoch);
    std::vector<std::string> wrong(static_cast<std::size_t>(gpus.ranks));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < gpus.ranks; ++rank) {
        threads.emplace_back([&, rank] {
            simt::resident_blocks = static_cast<unsigned>(gpus.blocks);
            PeerRank one(
                {.memory = memory,
                 .rank = rank,
                 .seed = epoch,
                 .kernels = cuda::make_peer_kernels(watch, blocks),
                 .residual_norm =
                     [](const ResidualNorm& norm) { cuda::launch_residual_norm(norm, nullptr); },
                 .calls = calls,
                 .latest_us = 10'000});  // some rounds of the others
            wrong[static_cast<std::size_t>(rank)] = one.run(rounds);
        });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& text : wrong) EXPECT_EQ(text, "");
    EXPECT_EQ(watch->failure(), "");
}

class CudaPeerKernels : public testing::TestWithParam<Gpus> {};

TEST_P(CudaPeerKernels, AreRightAcrossTheEndOfEpochs) {
    const auto rounds = stress_bursts(120, 600);
    expect_right(GetParam(), rounds, 0xffffffffU - static_cast<std::uint32_t>(rounds));
}

INSTANTIATE_TEST_SUITE_P(All, CudaPeerKernels,
                         testing::Values(Gpus{1, 2, true}, Gpus{2, 1, false}, Gpus{2, 3, true},
                                         Gpus{3, 1, true}, Gpus{4, 2, false}, Gpus{4, 2, true}),
                         name_of);

class CudaPeerNorms : public testing::TestWithParam<Gpus> {};

/// Passes that complete rows and norm them.
TEST_P(CudaPeerNorms, HaveTheBitsOfTheirOwnKernel) {
    constexpr std::uint64_t kRounds = 32;
    const auto seed = static_cast<std::uint32_t>(16 * GetParam().ranks + GetParam().blocks);
    expect_right(GetParam(), kRounds, seed, PeerCalls::with_norm);
}

INSTANTIATE_TEST_SUITE_P(All, CudaPeerNorms,
                         testing::Values(Gpus{1, 12, true}, Gpus{2, 1, false}, Gpus{2, 8, true},
                                         Gpus{3, 8, false}, Gpus{4, 8, true}, Gpus{4, 12, false}),
                         name_of);

/// One rank of two that calls alone.
std::string failure_alone(const std::function<void(PeerKernels&, const SharedMemory&)>& call) {
    constexpr double kPatience = 0.05;
    const auto watch = std::make_shared<const cuda::PeerWatch>(kPatience);
    const SharedMemory memory(2, kWords, 0);
    const auto kernels = cuda::make_peer_kernels(watch, {.most = 1, .may_queue = false});
    EXPECT_EQ(watch->failure(), "");
    const auto begin = std::chrono::steady_clock::now();
    call(*kernels, memory);
    const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - begin;
    EXPECT_GT(waited.count(), kPatience);
    return watch->failure();
}

TEST(CudaPeerWait, GivesUpAfterItsPatienceAndSaysOnWhom) {
    const auto device = make_host_device();
    const auto stream = device->make_stream();
    const auto by_flag = failure_alone([&](PeerKernels& kernels, const SharedMemory& memory) {
        kernels.barrier(memory.blocks.of(0), *stream);
        kernels.barrier(memory.blocks.of(0), *stream);
    });
    EXPECT_EQ(by_flag.find("a kernel waited 0.05 s for rank 1 in peer memory (block 0, "), 0U);
    const auto by_word = failure_alone([&](PeerKernels& kernels, const SharedMemory& memory) {
        std::vector<float> values(2000, 1.0F);
        const Matrix rows{reinterpret_cast<std::byte*>(values.data()), 1, 2000, DType::f32};
        kernels.all_reduce_push({memory.inbox.of(0), PushInbox::slot_for(kBlockBytes)}, rows, rows,
                                *stream);
    });
    EXPECT_EQ(by_word.find("a kernel waited 0.05 s for rank 1 in peer memory (block 0, "), 0U);
}

}  // namespace
}  // namespace moe
