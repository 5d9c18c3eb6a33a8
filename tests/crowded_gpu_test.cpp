// What a rank computes while kernels of others wait for it on the same GPU, and hold all but a few
// multiprocessors: it must end before they do, else none ever would.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/matmul.hpp"
#include "kernels/cuda/peer.hpp"
#include "kernels/cuda/peer_kernels.hpp"
#include "tests/backends.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace moe {
namespace {

constexpr std::int64_t kHidden = 4096, kIntermediate = 1024;
constexpr double kPatience = 2;  // seconds

Buffer zeros(Device& device, std::size_t bytes) {
    auto buffer = device.allocate(bytes);
    cuda::clear_memory(buffer.data(), bytes);
    return buffer;
}

/// A fused push by rank 0 of two, of rows without entries, whose other rank never comes. Its blocks
/// fill a multiprocessor each.
class WaitingPush {
public:
    WaitingPush(Device& device, int blocks)
        : kernels_(cuda::make_peer_kernels(watch_, {.most = blocks, .may_queue = false})),
          plan_(PushShape::direct, std::array<std::int64_t, 3>{0, kRows, 2 * kRows},
                PushWeightedSum::inbox_row_bytes(kHidden * sizeof(float))),
          half_bytes_{plan_.half_bytes(0), plan_.half_bytes(1)},
          offsets_(zeros(device, (2 * kRows + 1) * sizeof(std::int32_t))),
          epochs_(zeros(device, cuda::kEpochBytes)),
          dense_(zeros(device, kHidden * sizeof(float))),
          out_(zeros(device, kRows * kHidden * sizeof(float))) {
        for (const auto bytes : half_bytes_) inboxes_.push_back(zeros(device, 2 * bytes));
    }
    void launch(Stream& stream) {
        const std::array<std::byte*, 2> data{inboxes_[0].data(), inboxes_[1].data()};
        const std::array<std::uint32_t*, 2> no_flags{};
        auto* offsets = offsets_.as<std::int32_t>();
        kernels_->push_weighted_sum(
            {.data = data, .flags = no_flags, .epochs = epochs_.as<std::uint32_t>(), .rank = 0},
            {.rows = {2 * kRows, offsets, offsets, reinterpret_cast<float*>(offsets)},
             .dense = dense_.matrix(1, kHidden, DType::f32),
             .plan = plan_,
             .half_bytes = half_bytes_,
             .out = out_.matrix(kRows, kHidden, DType::f32)},
            stream);
    }
    [[nodiscard]] bool gave_up() const { return !watch_->failure().empty(); }

private:
    static constexpr std::int64_t kRows = 256;  ///< of each rank
    std::shared_ptr<const cuda::PeerWatch> watch_ = std::make_shared<cuda::PeerWatch>(kPatience);
    std::unique_ptr<PeerKernels> kernels_;
    PushPlan plan_;
    std::vector<std::size_t> half_bytes_;
    Buffer offsets_, epochs_, dense_, out_;
    std::vector<Buffer> inboxes_;
};

/// Of the router and of the shared expert, which a fused form follows.
class CrowdedGpu : public testing::TestWithParam<std::int64_t> {};

TEST_P(CrowdedGpu, MultipliesOnTheMultiprocessorsThatAreLeft) {
    Backend* cuda = nullptr;
    for (auto& backend : OpenBackends::opened()) {
        if (backend.gpus) cuda = &backend;
    }
    if (cuda == nullptr) GTEST_SKIP() << "no GPU";
    auto& device = *cuda->device;
    const auto stream = device.make_stream();
    const auto rows = GetParam();
    const auto x = zeros(device, static_cast<std::size_t>(rows * kHidden) * 2);
    const auto w = zeros(device, static_cast<std::size_t>(2 * kIntermediate * kHidden) * 2);
    const auto y = zeros(device, static_cast<std::size_t>(rows * kHidden) * sizeof(float));
    cuda::Matmul matmul(device, cuda::Clusters::none);
    const auto multiply_all = [&] {
        const auto multiply = [&](std::int64_t cols, std::int64_t depth, DType out) {
            matmul.multiply(x.matrix(rows, depth, DType::bf16), w.matrix(cols, depth, DType::bf16),
                            y.matrix(rows, cols, out), cuda::native(*stream));
        };
        multiply(64, kHidden, DType::f32);
        multiply(2 * kIntermediate, kHidden, DType::bf16);
        multiply(kHidden, kIntermediate, DType::bf16);
        stream->synchronize();
    };
    multiply_all();  // loads the kernels, which may wait for all that runs

    const auto others = device.make_stream();
    WaitingPush push(device, cuda::sm_count() - cuda::sm_count() / 4);
    push.launch(*others);
    multiply_all();
    EXPECT_FALSE(push.gave_up()) << "it ended only when others had lost their patience";
    others->synchronize();
    EXPECT_TRUE(push.gave_up());
}

INSTANTIATE_TEST_SUITE_P(Rows, CrowdedGpu, testing::Values(8, 64, 256, 1024));

}  // namespace
}  // namespace moe
