// Copies and fills of rows: the clear and the copy of dp_scatter, which serving systems launch as
// two kernels, and many copies in one launch, which is what padding and unpadding rows of many
// ranks is.
//
// A thread moves one vector. With more loads in flight on a multiprocessor, memory turns between
// reading and writing at more places: half a gigabyte takes an H200 266 us with four vectors for
// each thread, 253 with one, and 255 with cudaMemcpyAsync (388 in a graph). Below some megabytes
// all of them take what a launch takes.
#include "kernels/cuda/copy.hpp"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/vector.cuh"

#include <algorithm>

namespace moe::cuda {
namespace {

constexpr int kThreads = 256;
/// As many as fit into a kernel's arguments (4 KiB).
constexpr std::size_t kMaxCopies = 120;
/// What every type's size is a multiple of.
using Smallest = std::uint16_t;
using Wide = Vector<Smallest, kWide<Smallest>>;

template <std::size_t Size>
struct List {
    struct Item {
        const std::byte* from;
        std::byte* to;
        std::int64_t bytes;
        unsigned first_block;
    };
    Item items[Size];
    int count;
};

/// Blocks of the copies follow each other.
template <class V, std::size_t Size>
__global__ void __launch_bounds__(kThreads) copy(const __grid_constant__ List<Size> list) {
    int which = 0;
    for (int end = list.count; end - which > 1;) {
        const int middle = (which + end) / 2;
        (list.items[middle].first_block <= blockIdx.x ? which : end) = middle;
    }
    const auto& item = list.items[which];
    const auto at = (blockIdx.x - item.first_block) * std::int64_t{kThreads} + threadIdx.x;
    if (at < item.bytes / static_cast<std::int64_t>(sizeof(V))) {
        reinterpret_cast<V*>(item.to)[at] = reinterpret_cast<const V*>(item.from)[at];
    }
}

template <class V>
__global__ void __launch_bounds__(kThreads) fill(V* to, std::int64_t count, V value) {
    const auto at = blockIdx.x * std::int64_t{kThreads} + threadIdx.x;
    if (at < count) to[at] = value;
}

/// Enough for `bytes` as V.
template <class V>
unsigned blocks_of(std::size_t bytes) {
    return static_cast<unsigned>(
        ceil_div(static_cast<std::int64_t>(bytes), std::int64_t{kThreads} * sizeof(V)));
}

template <class V, std::size_t Size>
void launch_list_as(std::span<const Copy> copies, cudaStream_t stream) {
    List<Size> list{};
    unsigned blocks = 0;
    for (const auto& [from, to] : copies) {
        if (from.bytes() == 0) continue;
        list.items[list.count++] = {from.data, to.data, static_cast<std::int64_t>(from.bytes()),
                                    blocks};
        blocks += blocks_of<V>(from.bytes());
    }
    if (blocks == 0) return;
    launch(in_blocks(blocks, kThreads, stream), copy<V, Size>, list);
}

template <std::size_t Size>
void launch_list(std::span<const Copy> copies, cudaStream_t stream) {
    const bool wide = std::ranges::all_of(copies, [](const Copy& copy) {
        return rows_are_wide(copy.from.bytes(), {copy.from.data, copy.to.data});
    });
    if (wide) {
        launch_list_as<Wide, Size>(copies, stream);
    } else {
        launch_list_as<Smallest, Size>(copies, stream);
    }
}

template <class V>
void launch_fill_as(const Matrix& target, std::byte value, cudaStream_t stream) {
    V all;
    std::fill_n(reinterpret_cast<std::byte*>(&all), sizeof all, value);
    launch(in_blocks(blocks_of<V>(target.bytes()), kThreads, stream), fill<V>, target.as<V>(),
           static_cast<std::int64_t>(target.bytes() / sizeof(V)), all);
}

}  // namespace

void launch_copies(std::span<const Copy> copies, cudaStream_t stream) {
    for (; copies.size() > kMaxCopies; copies = copies.subspan(kMaxCopies)) {
        launch_list<kMaxCopies>(copies.first(kMaxCopies), stream);
    }
    if (copies.size() == 1) {
        launch_list<1>(copies, stream);
    } else {
        launch_list<kMaxCopies>(copies, stream);
    }
}

void launch_fill(const Matrix& target, std::byte value, cudaStream_t stream) {
    if (target.bytes() == 0) return;
    if (rows_are_wide(target.bytes(), {target.data})) {
        launch_fill_as<Wide>(target, value, stream);
    } else {
        launch_fill_as<Smallest>(target, value, stream);
    }
}

}  // namespace moe::cuda
