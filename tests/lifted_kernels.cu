// What an engine writes that takes the kernels over peer memory out of this repository: memory and
// pointers, without MPI, NCCL or anything of comm/. Two ranks on one GPU, each with a stream,
// reduce partial sums to their owners by push and by pull; between processes only the pointers come
// in another way (cudaIpcOpenMemHandle).
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/peer_launch.hpp"

#include <cuda_runtime.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using moe::DType;
using moe::Matrix;
using moe::PushPlan;
using moe::cuda::Peers;

constexpr int kRanks = 2;
constexpr std::int64_t kFirst[kRanks + 1] = {0, 5, 8};  ///< rank r owns the rows from kFirst[r] on
constexpr std::int64_t kRows = kFirst[kRanks];
constexpr std::int64_t kCols = 72;
constexpr std::size_t kRowBytes = kCols * sizeof(float);
constexpr int kCalls = 3;
constexpr int kNoGpu = 77;

void expect(cudaError_t status) {
    if (status == cudaSuccess) return;
    std::printf("CUDA: %s\n", cudaGetErrorString(status));
    std::exit(1);
}
/// Zeros, as blocks, flags, epochs and the error word have to be before the first call.
std::byte* zeros(std::size_t bytes) {
    void* memory{};
    expect(cudaMalloc(&memory, bytes));
    expect(cudaMemset(memory, 0, bytes));
    return static_cast<std::byte*>(memory);
}

/// One rank's part of a table.
struct Block {
    explicit Block(std::size_t bytes)
        : flags(zeros(moe::cuda::kFlagBytes)),
          epochs(zeros(moe::cuda::kEpochBytes)),
          data(zeros(bytes)) {}
    std::byte *flags, *epochs, *data;
};

Peers table_of(const std::vector<Block>& blocks, int rank, moe::cuda::PeerError* error) {
    Peers peers{};
    for (int peer = 0; peer < kRanks; ++peer) {
        peers.data[peer] = blocks[peer].data;
        peers.flags[peer] = reinterpret_cast<std::uint32_t*>(blocks[peer].flags);
    }
    peers.epochs = reinterpret_cast<std::uint32_t*>(blocks[rank].epochs);
    peers.error = error;
    peers.patience_ns = 10'000'000'000;
    peers.rank = rank;
    peers.ranks = kRanks;
    return peers;
}

float partial(int call, int rank, std::int64_t element) {
    return static_cast<float>((element * 7 + rank * 3 + call) % 32);
}
void fill(std::byte* partials, int call, int rank) {
    std::vector<float> values(kRows * kCols);
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = partial(call, rank, static_cast<std::int64_t>(i));
    }
    expect(cudaMemcpy(partials, values.data(), kRows * kRowBytes, cudaMemcpyHostToDevice));
}
bool is_right(const Matrix& out, int call, int rank) {
    std::vector<float> got(static_cast<std::size_t>(out.elements()));
    expect(cudaMemcpy(got.data(), out.data, out.bytes(), cudaMemcpyDeviceToHost));
    for (std::size_t i = 0; i < got.size(); ++i) {
        const auto element = kFirst[rank] * kCols + static_cast<std::int64_t>(i);
        if (got[i] != partial(call, 0, element) + partial(call, 1, element)) return false;
    }
    return true;
}

}  // namespace

/// What the kernels' files leave to whoever links them: how a call that failed is told.
void moe::cuda::check(cudaError_t status, const char* /*file*/, int /*line*/,
                      const char* /*expression*/) {
    expect(status);
}

int main() {
    int sms = 0;
    if (cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0) != cudaSuccess) {
        std::puts("no GPU");
        return kNoGpu;
    }
    const PushPlan plan(moe::PushShape::direct, kFirst, kRowBytes);
    const std::vector<std::size_t> half_bytes{plan.half_bytes(0), plan.half_bytes(1)};
    std::vector<Block> inboxes, partials;
    std::vector<Matrix> outs;
    std::vector<cudaStream_t> streams(kRanks);
    for (int rank = 0; rank < kRanks; ++rank) {
        inboxes.emplace_back(2 * half_bytes[rank]);
        partials.emplace_back(kRows * kRowBytes);
        outs.push_back(
            {zeros(kRows * kRowBytes), kFirst[rank + 1] - kFirst[rank], kCols, DType::f32});
        expect(cudaStreamCreateWithFlags(&streams[rank], cudaStreamNonBlocking));
    }
    auto* error = reinterpret_cast<moe::cuda::PeerError*>(zeros(sizeof(moe::cuda::PeerError)));
    bool right = true;
    const auto run = [&](int call, const char* name, auto&& launch) {
        for (int rank = 0; rank < kRanks; ++rank) fill(partials[rank].data, call, rank);
        // Blocks that wait leave room for the other rank's.
        for (int rank = 0; rank < kRanks; ++rank)
            launch(rank, {streams[rank], sms / kRanks, false});
        expect(cudaDeviceSynchronize());
        for (int rank = 0; rank < kRanks; ++rank) {
            if (is_right(outs[rank], call, rank)) continue;
            std::printf("%s, call %d: wrong sums on rank %d\n", name, call, rank);
            right = false;
        }
    };
    for (int call = 0; call < kCalls; ++call) {
        run(call, "push", [&](int rank, const moe::cuda::PeerLaunch& how) {
            const Matrix in{partials[rank].data, kRows, kCols, DType::f32};
            moe::cuda::launch_push_sum(table_of(inboxes, rank, error),
                                       {in, plan, half_bytes, outs[rank]}, how);
        });
        run(call + kCalls, "pull", [&](int rank, const moe::cuda::PeerLaunch& how) {
            const auto offset = static_cast<std::size_t>(kFirst[rank]) * kRowBytes;
            moe::cuda::launch_pull_sum(table_of(partials, rank, error), {outs[rank], offset, 5},
                                       how);
        });
    }
    return right ? 0 : 1;
}
