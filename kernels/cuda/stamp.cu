#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/stamp.hpp"

namespace moe::cuda {
namespace {

constexpr std::size_t kSlotsOfBlock = 512;

__global__ void stamp(std::uint64_t* slot) {
    *slot = global_nanoseconds();
}

/// The smallest of some differences between values that follow each other.
__global__ void find_step(std::uint64_t* slot) {
    constexpr int kSteps = 16;
    auto least = ~std::uint64_t{0};
    auto last = global_nanoseconds();
    for (int seen = 0; seen < kSteps;) {
        const auto now = global_nanoseconds();
        if (now == last) continue;
        least = now - last < least ? now - last : least;
        last = now;
        ++seen;
    }
    *slot = least;
}

}  // namespace

std::uint64_t* StampSlots::take() {
    if (free_.empty()) {
        void* raw{};
        MOE_CUDA(cudaHostAlloc(&raw, kSlotsOfBlock * sizeof(std::uint64_t), cudaHostAllocMapped));
        blocks_.emplace_back(static_cast<std::uint64_t*>(raw));
        for (std::size_t i = 0; i < kSlotsOfBlock; ++i) free_.push_back(blocks_.back().get() + i);
    }
    auto* slot = free_.back();
    free_.pop_back();
    return slot;
}

void launch_stamp(std::uint64_t* slot, cudaStream_t stream) {
    stamp<<<1, 1, 0, stream>>>(slot);
    MOE_CUDA(cudaGetLastError());
}

std::uint64_t stamp_step(StampSlots& slots, cudaStream_t stream) {
    auto* slot = slots.take();
    find_step<<<1, 1, 0, stream>>>(slot);
    MOE_CUDA(cudaGetLastError());
    MOE_CUDA(cudaStreamSynchronize(stream));
    const auto step = *slot;
    slots.give_back(slot);
    return step;
}

}  // namespace moe::cuda
