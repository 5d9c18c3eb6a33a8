#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/patience.hpp"
#include "kernels/cuda/rank_barrier.hpp"
#include "kernels/cuda/wait.cuh"

namespace moe::cuda {
namespace {

constexpr int kThreads = 128;

/// One thread for each rank that is waited for; one block.
__global__ void meet(std::uint32_t* words, int rank, int ranks, std::uint32_t* epoch,
                     unsigned long long patience_ns) {
    __shared__ std::uint32_t now;
    if (threadIdx.x == 0) {
        now = ++*epoch;
        store_release(words + rank, now);
    }
    __syncthreads();
    for (int other = static_cast<int>(threadIdx.x); other < ranks; other += kThreads) {
        // Epochs wrap around, and a rank may be one ahead.
        const auto arrived = [&] {
            return static_cast<std::int32_t>(load_acquire(words + other) - now) >= 0;
        };
        if (!wait_until(patience_ns, arrived)) __trap();
    }
}

}  // namespace

struct RankBarrier::State {
    State(std::uint32_t* given, int own_rank, int all, double patience_seconds)
        : words(given), rank(own_rank), ranks(all), patience(patience_ns(patience_seconds)) {
        MOE_CUDA(cudaHostRegister(words, bytes(), cudaHostRegisterMapped));
        void* raw{};
        MOE_CUDA(cudaHostGetDevicePointer(&raw, words, 0));
        on_device = static_cast<std::uint32_t*>(raw);
        MOE_CUDA(cudaMalloc(&raw, sizeof(std::uint32_t)));
        epoch = static_cast<std::uint32_t*>(raw);
        clear_memory(epoch, sizeof(std::uint32_t));
    }
    ~State() {
        cudaHostUnregister(words);
        cudaFree(epoch);
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    [[nodiscard]] std::size_t bytes() const {
        return static_cast<std::size_t>(ranks) * sizeof(std::uint32_t);
    }

    std::uint32_t* words;
    int rank;
    int ranks;
    unsigned long long patience;  ///< in nanoseconds
    std::uint32_t* on_device{};
    std::uint32_t* epoch{};
};

RankBarrier::RankBarrier(std::uint32_t* words, int rank, int ranks, double patience_seconds)
    : state_(std::make_unique<State>(words, rank, ranks, patience_seconds)) {}

RankBarrier::~RankBarrier() = default;

void RankBarrier::launch(cudaStream_t stream) {
    meet<<<1, kThreads, 0, stream>>>(state_->on_device, state_->rank, state_->ranks, state_->epoch,
                                     state_->patience);
    MOE_CUDA(cudaGetLastError());
}

}  // namespace moe::cuda
