// Many copies in one launch: what padding and unpadding rows of many ranks is. One cudaMemcpyAsync
// for each would cost a launch for each, which is all that they cost at decode sizes.
#include "kernels/cuda/copy.hpp"
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/vector.cuh"

#include <algorithm>

namespace moe::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = 4096;
/// Loads of a thread that are in flight together.
constexpr int kAtOnce = 4;
/// As many as fit into a kernel's arguments (4 KiB).
constexpr std::size_t kMostCopies = 128;
/// What every type's size is a multiple of.
using Smallest = std::uint16_t;

struct List {
    struct Item {
        const std::byte* from;
        std::byte* to;
        std::int64_t bytes;
    };
    Item items[kMostCopies];
};

/// A row of blocks for each copy.
template <class V>
__global__ void __launch_bounds__(kThreads) copy(const __grid_constant__ List list) {
    const auto& item = list.items[blockIdx.y];
    const auto* from = reinterpret_cast<const V*>(item.from);
    auto* to = reinterpret_cast<V*>(item.to);
    const auto count = item.bytes / static_cast<std::int64_t>(sizeof(V));
    constexpr std::int64_t kOfBlock = kThreads * kAtOnce;
    for (auto first = blockIdx.x * kOfBlock + threadIdx.x; first < count;
         first += gridDim.x * kOfBlock) {
        V held[kAtOnce];
#pragma unroll
        for (int j = 0; j < kAtOnce; ++j) {
            if (first + j * kThreads < count) held[j] = from[first + j * kThreads];
        }
#pragma unroll
        for (int j = 0; j < kAtOnce; ++j) {
            if (first + j * kThreads < count) to[first + j * kThreads] = held[j];
        }
    }
}

template <class V>
void launch(const List& list, std::size_t copies, std::int64_t longest, cudaStream_t stream) {
    const auto vectors = ceil_div(longest, sizeof(V));
    const auto most = std::max<std::int64_t>(kMostBlocks / static_cast<std::int64_t>(copies), 1);
    const auto blocks = std::min(ceil_div(vectors, std::int64_t{kThreads} * kAtOnce), most);
    copy<V><<<dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(copies)), kThreads, 0,
              stream>>>(list);
    MOE_CUDA(cudaGetLastError());
}

void launch_list(std::span<const Copy> copies, cudaStream_t stream) {
    List list{};
    std::int64_t longest = 0;
    bool wide = true;
    for (std::size_t i = 0; i < copies.size(); ++i) {
        const auto& [from, to] = copies[i];
        const auto bytes = static_cast<std::int64_t>(from.bytes());
        list.items[i] = {from.data, to.data, bytes};
        longest = std::max(longest, bytes);
        wide = wide && rows_are_wide(from.bytes(), {from.data, to.data});
    }
    if (longest == 0) return;
    if (wide) {
        launch<Vector<Smallest, kWide<Smallest>>>(list, copies.size(), longest, stream);
    } else {
        launch<Smallest>(list, copies.size(), longest, stream);
    }
}

}  // namespace

void launch_copies(std::span<const Copy> copies, cudaStream_t stream) {
    for (; copies.size() > kMostCopies; copies = copies.subspan(kMostCopies)) {
        launch_list(copies.first(kMostCopies), stream);
    }
    launch_list(copies, stream);
}

}  // namespace moe::cuda
