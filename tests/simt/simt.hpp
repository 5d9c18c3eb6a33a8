// Runs kernels of kernels/cuda on the processor, so that a machine without a GPU sees what they
// compute: a thread for each of a block's threads, one block after the other. What threads do
// together (shuffles, votes, __syncwarp, __syncthreads) waits for all of them, and nothing else
// does, so that ThreadSanitizer reports what a kernel left unordered. Included before everything
// else where a kernel's file is compiled by the host's compiler.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

// NOLINTBEGIN: CUDA's own names, and what its compiler knows by itself.
#undef __shared__
#define __shared__ static
#undef __launch_bounds__
#define __launch_bounds__(...)

inline thread_local uint3 threadIdx, blockIdx;
inline thread_local dim3 blockDim, gridDim;

using std::max;
using std::min;

namespace moe::simt {

constexpr unsigned kWarp = 32;

/// A warp's lanes, and what they show each other.
struct Warp {
    std::barrier<> together{kWarp};
    std::array<std::uint64_t, kWarp> shown{};
};

/// A block, and what its threads share.
struct Block {
    Block(int threads, std::size_t shared_bytes)
        : together(threads),
          warps(static_cast<unsigned>(threads) / kWarp),
          // Poisoned, since nobody clears it on a GPU either.
          launched_shared(shared_bytes / sizeof(uint4) + 1, uint4{~0U, ~0U, ~0U, ~0U}) {}
    std::barrier<> together;
    std::vector<Warp> warps;
    std::vector<uint4> launched_shared;
};

/// What the thread of a kernel belongs to.
struct Place {
    Block* block{};
    Warp* warp{};
    [[nodiscard]] static unsigned lane() { return threadIdx.x % kWarp; }
};
inline thread_local Place place;

/// Every lane's value of what this one shows as `value`.
template <class T>
std::array<T, kWarp> all_lanes(T value) {
    static_assert(sizeof(T) <= sizeof(std::uint64_t));
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    auto& warp = *place.warp;
    warp.shown[Place::lane()] = bits;
    warp.together.arrive_and_wait();
    std::array<T, kWarp> values{};
    for (unsigned lane = 0; lane < kWarp; ++lane) {
        std::memcpy(&values[lane], &warp.shown[lane], sizeof(T));
    }
    warp.together.arrive_and_wait();
    return values;
}

/// Warps are whole. A thread that returns early is waited for no more, as on a GPU.
inline void run(dim3 blocks, int threads, std::size_t shared_bytes,
                const std::function<void()>& kernel) {
    std::vector<std::unique_ptr<Block>> all;
    for (unsigned b = 0; b < blocks.x * blocks.y; ++b) {
        all.push_back(std::make_unique<Block>(threads, shared_bytes));
    }
    std::barrier next_block(threads);
    std::vector<std::jthread> running;
    for (unsigned t = 0; t < static_cast<unsigned>(threads); ++t) {
        running.emplace_back([&, t] {
            threadIdx = {t, 0, 0};
            blockDim = dim3(static_cast<unsigned>(threads));
            gridDim = blocks;
            for (unsigned b = 0; b < all.size(); ++b) {
                blockIdx = {b % blocks.x, b / blocks.x, 0};
                place = {all[b].get(), &all[b]->warps[t / kWarp]};
                kernel();
                place.warp->together.arrive_and_drop();
                place.block->together.arrive_and_drop();
                next_block.arrive_and_wait();
            }
        });
    }
}

}  // namespace moe::simt

inline void __syncwarp() {
    moe::simt::place.warp->together.arrive_and_wait();
}
inline void __syncthreads() {
    moe::simt::place.block->together.arrive_and_wait();
}
/// Blocks run one after the other.
inline void __threadfence() {}

template <class T>
T __shfl_sync(unsigned, T value, int from, int width = 32) {
    const auto lane = static_cast<int>(moe::simt::Place::lane());
    return moe::simt::all_lanes(
        value)[static_cast<std::size_t>(lane / width * width + from % width)];
}
template <class T>
T __shfl_up_sync(unsigned, T value, int step, int width = 32) {
    const auto lane = static_cast<int>(moe::simt::Place::lane());
    const int from = lane % width < step ? lane : lane - step;
    return moe::simt::all_lanes(value)[static_cast<std::size_t>(from)];
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask, int width = 32) {
    const auto lane = static_cast<int>(moe::simt::Place::lane());
    const int from = (lane ^ mask) / width == lane / width ? lane ^ mask : lane;
    return moe::simt::all_lanes(value)[static_cast<std::size_t>(from)];
}
inline unsigned __ballot_sync(unsigned, bool value) {
    unsigned bits = 0;
    const auto all = moe::simt::all_lanes(value);
    for (unsigned lane = 0; lane < moe::simt::kWarp; ++lane) bits |= (all[lane] ? 1U : 0U) << lane;
    return bits;
}
inline bool __any_sync(unsigned lanes, bool value) {
    return __ballot_sync(lanes, value) != 0;
}
template <class T>
unsigned __match_any_sync(unsigned, T value) {
    unsigned bits = 0;
    const auto all = moe::simt::all_lanes(value);
    for (unsigned lane = 0; lane < moe::simt::kWarp; ++lane) {
        bits |= (all[lane] == value ? 1U : 0U) << lane;
    }
    return bits;
}
template <class T>
T atomicAdd(T* target, T value) {
    return std::atomic_ref<T>(*target).fetch_add(value);
}

inline int __popc(unsigned value) {
    return std::popcount(value);
}
inline int __clz(int value) {
    return std::countl_zero(static_cast<unsigned>(value));
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
    return static_cast<unsigned>(((std::uint64_t{high} << 32U | low) << shift) >> 32U);
}
/// A GPU's arithmetic makes one NaN only, a positive one.
inline unsigned __float_as_uint(float value) {
    return std::isnan(value) ? 0x7fffffffU : std::bit_cast<unsigned>(value);
}
inline float __uint_as_float(unsigned value) {
    return std::bit_cast<float>(value);
}
template <class T>
void __stcs(T* to, const T& value) {
    *to = value;
}
// NOLINTEND
