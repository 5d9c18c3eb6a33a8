// Copies into peer memory, and the barrier alone. The floor of a copy is the link: a rank's own
// rows to every other one, over the write bandwidth both ways.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/peer.cuh"
#include "kernels/cuda/peer_launch.hpp"

#include <algorithm>

namespace moe::cuda {
namespace {

constexpr int kMostThreads = 512;
constexpr int kVectors = 2;  ///< that a thread has in flight

template <class T, int Width>
__global__ void __launch_bounds__(kMostThreads)
    push_copy(const __grid_constant__ Peers peers, const T* from, std::int64_t offset,
              std::int64_t count) {
    using V = Vector<T, Width>;
    const auto epoch = epoch_of(peers);
    meet<Orders::boundary>(peers, epoch + 1);
    const auto stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (auto i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
         i += kVectors * stride) {
        V value[kVectors];
#pragma unroll
        for (int v = 0; v < kVectors; ++v) {
            if (i + v * stride < count) {
                value[v] = reinterpret_cast<const V*>(from)[i + v * stride];
            }
        }
        // Each rank begins with the next one, so that not all write to the same one at a time.
        for (int step = 1; step <= peers.ranks; ++step) {
            auto* to = peers.data[(peers.rank + step) % peers.ranks] + offset;
#pragma unroll
            for (int v = 0; v < kVectors; ++v) {
                if (i + v * stride < count) store_peer(to, i + v * stride, value[v]);
            }
        }
    }
    meet<Orders::written>(peers, epoch + 2);
    advance_to(peers, epoch + 2);
}

__global__ void barrier(const __grid_constant__ Peers peers) {
    const auto epoch = epoch_of(peers);
    meet<Orders::written>(peers, epoch + 1);
    advance_to(peers, epoch + 1);
}

}  // namespace

void launch_push_copy(const Peers& peers, const OwnRows& from, const PeerLaunch& how) {
    if (from.most_rows == 0) return;
    const bool wide =
        rows_are_wide(from.rows.row_bytes(), {from.rows.data}) && from.offset % kVectorBytes == 0;
    const auto most_bytes = from.most_rows * static_cast<std::int64_t>(from.rows.row_bytes());
    const auto grid = peer_grid(ceil_div(most_bytes, std::int64_t{kVectorBytes}), kMostThreads,
                                std::min(how.max_blocks, kMaxFlagBlocks));
    visit_native(from.rows.dtype, wide, [&](auto tag, auto lanes) {
        using T = typename decltype(tag)::type;
        constexpr int kLanes = decltype(lanes)::value;
        push_copy<T, kLanes><<<grid.blocks, grid.threads, 0, how.stream>>>(
            peers, from.rows.as<T>(), static_cast<std::int64_t>(from.offset),
            from.rows.elements() / kLanes);
        MOE_CUDA(cudaGetLastError());
    });
}

void launch_peer_barrier(const Peers& peers, cudaStream_t stream) {
    barrier<<<1, 128, 0, stream>>>(peers);
    MOE_CUDA(cudaGetLastError());
}

}  // namespace moe::cuda
