// Runs kernels of kernels/cuda on the processor, so that a machine without a GPU sees what they
// compute: a thread for each of a block's threads, one block after the other, or a few at a time.
// What threads do together (shuffles, votes, __syncwarp, __syncthreads) waits for all of them, and
// nothing else does, so that ThreadSanitizer reports what a kernel left unordered. Threads are what
// simt_scheduler.hpp makes them. Included before everything else where a kernel's file is compiled
// by the host's compiler.
#pragma once

#include "simt_scheduler.hpp"
#include "tests/simt/self.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

// NOLINTBEGIN: CUDA's own names, and what its compiler knows by itself.
#undef __shared__
#define __shared__ static
#undef __launch_bounds__
#define __launch_bounds__(...)
#undef __grid_constant__
#define __grid_constant__

using std::max;
using std::min;

namespace moe::simt {

constexpr unsigned kWarp = 32;

/// What the lanes of a warp do together.
enum class Step { meet, show };

/// What each lane left for the others before they waited for each other.
struct Exchange {
    std::array<std::uint64_t, kWarp> shown{};
    std::array<Step, kWarp> doing{};
};

/// A warp's lanes. Exchanges take turns: who writes the next one has waited until all had read the
/// one before the last, so that one wait is enough for each.
struct Warp {
    Barrier together{kWarp};
    std::array<Exchange, 2> exchanges;
    std::atomic<unsigned> returned{};  ///< a bit for each lane
};

/// A block, and what its threads share.
struct Block {
    Block(int threads, std::size_t smem_bytes)
        : together(threads),
          warps(static_cast<unsigned>(threads) / kWarp),
          dynamic_smem(smem_bytes / sizeof(Line) + 1) {
        // Poisoned, since nobody clears it on a GPU either.
        std::memset(dynamic_smem.data(), 0xff, dynamic_smem.size() * sizeof(Line));
    }
    struct alignas(128) Line {
        std::byte bytes[128];
    };
    Barrier together;
    std::vector<Warp> warps;
    std::vector<Line> dynamic_smem;
    std::mutex naming;
    std::map<int, Barrier> named;  ///< by id: those of bar.sync
};

inline int lane() {
    return static_cast<int>(threadIdx.x % kWarp);
}
/// For so many of the block's threads.
inline Barrier& named_barrier(int id, int threads) {
    const std::lock_guard lock(block->naming);
    return block->named.try_emplace(id, threads).first->second;
}
inline Warp& warp() {
    return block->warps[threadIdx.x / kWarp];
}

/// All lanes of the warp at this step, with what each shows; ends the program where some of them
/// are elsewhere, of which a GPU says nothing.
inline const Exchange& together(Step step, std::uint64_t shown = 0) {
    auto& here = warp();
    auto& exchange = here.exchanges[exchanges++ % 2];
    exchange.shown[threadIdx.x % kWarp] = shown;
    exchange.doing[threadIdx.x % kWarp] = step;
    here.together.arrive_and_wait();
    const unsigned returned = here.returned;
    for (unsigned i = 0; i < kWarp; ++i) {
        if (exchange.doing[i] == step || (returned >> i & 1U) != 0) continue;
        std::fputs("simt: lanes of one warp wait at different places\n", stderr);
        std::abort();
    }
    return exchange;
}

/// Every lane's value of what this one shows as `value`.
template <class T>
std::array<T, kWarp> all_lanes(T value) {
    static_assert(sizeof(T) <= sizeof(std::uint64_t));
    std::uint64_t mine = 0;
    std::memcpy(&mine, &value, sizeof(T));
    const auto& shown = together(Step::show, mine).shown;
    std::array<T, kWarp> values{};
    for (unsigned i = 0; i < kWarp; ++i) std::memcpy(&values[i], &shown[i], sizeof(T));
    return values;
}
template <class T>
T value_of(int lane, T value) {
    return all_lanes(value)[static_cast<std::size_t>(lane)];
}
/// A bit for each lane that shows `wanted`.
template <class T>
unsigned lanes_with(T wanted, T value) {
    unsigned bits = 0;
    const auto all = all_lanes(value);
    for (unsigned i = 0; i < kWarp; ++i) bits |= (all[i] == wanted ? 1U : 0U) << i;
    return bits;
}

/// Blocks of a launch that run at a time, as multiprocessors have room for; the others begin in the
/// order of their numbers. More than one only for kernels without static shared memory, as all of
/// kernels over peer memory are.
inline thread_local unsigned resident_blocks = 1;

/// Each thread that launches has a GPU of its own. Warps are whole. A thread of a kernel that
/// returns early is waited for no more, as on a GPU.
inline void run(dim3 blocks, int threads, std::size_t smem_bytes,
                const std::function<void()>& kernel) {
    static thread_local Workers workers;
    std::vector<std::unique_ptr<Block>> all;
    for (unsigned b = 0; b < blocks.x * blocks.y; ++b) {
        all.push_back(std::make_unique<Block>(threads, smem_bytes));
    }
    const auto in_block = static_cast<unsigned>(threads);
    const auto places = std::min(resident_blocks, static_cast<unsigned>(all.size()));
    std::vector<std::unique_ptr<Barrier>> next_blocks;
    for (unsigned place = 0; place < places; ++place) {
        next_blocks.push_back(std::make_unique<Barrier>(threads));
    }
    workers.run(places * in_block, [&](unsigned worker) {
        const auto place = worker / in_block;
        const auto t = worker % in_block;
        auto& next_block = *next_blocks[place];
        threadIdx = {t, 0, 0};
        blockDim = dim3(in_block);
        gridDim = blocks;
        for (auto b = place; b < all.size(); b += places) {
            blockIdx = {b % blocks.x, b / blocks.x, 0};
            block = all[b].get();
            exchanges = 0;
            kernel();
            warp().returned |= 1U << t % kWarp;
            warp().together.arrive_and_drop();
            block->together.arrive_and_drop();
            next_block.arrive_and_wait();
        }
    });
}

}  // namespace moe::simt

inline void __syncwarp() {
    moe::simt::together(moe::simt::Step::meet);
}
inline void __syncthreads() {
    moe::simt::block->together.arrive_and_wait();
}
/// Blocks run one after the other.
inline void __threadfence() {}

template <class T>
T __shfl_sync(unsigned, T value, int from, int width = 32) {
    return moe::simt::value_of(moe::simt::lane() / width * width + from % width, value);
}
template <class T>
T __shfl_up_sync(unsigned, T value, int step, int width = 32) {
    const int lane = moe::simt::lane();
    return moe::simt::value_of(lane % width < step ? lane : lane - step, value);
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask, int width = 32) {
    const int lane = moe::simt::lane();
    return moe::simt::value_of((lane ^ mask) / width == lane / width ? lane ^ mask : lane, value);
}
inline unsigned __ballot_sync(unsigned, bool value) {
    return moe::simt::lanes_with(true, value);
}
inline bool __any_sync(unsigned lanes, bool value) {
    return __ballot_sync(lanes, value) != 0;
}
template <class T>
unsigned __match_any_sync(unsigned, T value) {
    return moe::simt::lanes_with(value, value);
}
template <class T>
T atomicAdd(T* target, T value) {
    return std::atomic_ref<T>(*target).fetch_add(value);
}

inline int __popc(unsigned value) {
    return std::popcount(value);
}
inline int __ffs(int value) {
    return value == 0 ? 0 : std::countr_zero(static_cast<unsigned>(value)) + 1;
}
/// A GPU's arithmetic makes one NaN only, a positive one.
inline unsigned __float_as_uint(float value) {
    return std::isnan(value) ? 0x7fffffffU : std::bit_cast<unsigned>(value);
}
inline float __uint_as_float(unsigned value) {
    return std::bit_cast<float>(value);
}
inline float rsqrtf(float value) {
    return 1 / std::sqrt(value);
}
template <class T>
T __ldcs(const T* from) {
    return *from;
}
template <class T>
void __stcs(T* to, const T& value) {
    *to = value;
}
// NOLINTEND
