// How kernels of several GPUs that map each other's memory wait for each other: the words, their
// order in memory, and how long at most. Plain pointers only; nothing here knows who filled them
// in.
#pragma once

#include "kernels/cuda/peer.hpp"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/vector.cuh"

#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>

namespace moe::cuda {

/// Polls before a wait looks at the clock, and at whether another one has failed.
constexpr unsigned kPollsBetweenLooks = 1024;

/// The word that one access of a Vector<T, Width> moves.
template <std::size_t Bytes>
struct WordOf {
    using type = uint4;
};
template <>
struct WordOf<4> {
    using type = std::uint32_t;
};
template <>
struct WordOf<2> {
    using type = std::uint16_t;
};

/// Element i of an array that another GPU may have written.
template <class V>
__device__ V load_peer(const std::byte* from, std::int64_t i) {
    using Word = typename WordOf<sizeof(V)>::type;
    const auto word = load_relaxed(reinterpret_cast<const Word*>(from) + i);
    V value;
    std::memcpy(static_cast<void*>(&value), &word, sizeof value);
    return value;
}
/// The same of an array that another GPU will read.
template <class V>
__device__ void store_peer(std::byte* to, std::int64_t i, const V& value) {
    using Word = typename WordOf<sizeof(V)>::type;
    Word word;
    std::memcpy(&word, static_cast<const void*>(&value), sizeof value);
    store_relaxed(reinterpret_cast<Word*>(to) + i, word);
}

/// Ends a wait that others should have ended long ago, and says so once for the host.
struct Overdue {
    const Peers& peers;
    int peer;             ///< who is waited for
    std::uint32_t epoch;  ///< of the call
    unsigned polls{};
    unsigned long long since{};

    /// Whether to give up, having seen `word` once more.
    __device__ bool operator()(std::uint32_t word) {
        if (++polls % kPollsBetweenLooks != 0) return false;
        const auto now = global_nanoseconds();
        if (since == 0) since = now;
        if (load_relaxed(&peers.error->waited) != 0) return true;
        if (now - since < peers.patience_ns) return false;
        const auto who = static_cast<std::uint32_t>(peer) << 16U | blockIdx.x;
        store_relaxed(reinterpret_cast<uint4*>(peers.error), make_uint4(1, who, epoch, word));
        return true;
    }
};

/// What a barrier between blocks orders. boundary: what ends before it or begins after it in a
/// whole kernel, and reads whose values were used: flags alone do, since the end of a kernel has
/// brought what it wrote to memory, and peers' data is read by loads that no cache answers.
/// Engines' and NCCL's kernels rest on the same. written: what the blocks themselves wrote before
/// it, which takes a fence of some microseconds.
enum class Orders : std::uint8_t { boundary, written };

/// Waits until `flag`, which only grows and wraps around, has reached `epoch`.
template <Orders kOrders>
__device__ void wait_for_flag(const Peers& peers, const std::uint32_t* flag, int peer,
                              std::uint32_t epoch) {
    Overdue overdue{peers, peer, epoch};
    for (;;) {
        const auto seen = kOrders == Orders::written ? load_acquire(flag) : load_relaxed(flag);
        if (static_cast<std::int32_t>(seen - epoch) >= 0 || overdue(seen)) return;
    }
}

/// How many calls, or barriers, there have been on this table. Every block reads a word of its own
/// and a call advances all words whole, so that a call with another grid finds the same count.
__device__ inline std::uint32_t epoch_of(const Peers& peers) {
    return peers.epochs[blockIdx.x];
}
__device__ inline void advance_to(const Peers& peers, std::uint32_t epoch) {
    __syncthreads();  // all threads have read it
    for (auto i = blockIdx.x + gridDim.x * threadIdx.x; i < kMaxEpochs;
         i += gridDim.x * blockDim.x) {
        peers.epochs[i] = epoch;
    }
}

/// A barrier of block b with block b of every rank. At most kMaxFlagBlocks blocks; as many on all
/// ranks.
template <Orders kOrders>
__device__ void meet(const Peers& peers, std::uint32_t epoch) {
    __syncthreads();
    const auto peer = static_cast<int>(threadIdx.x);
    if (peer < peers.ranks && peer != peers.rank) {
        const auto row = blockIdx.x * kMaxPeers;
        auto* theirs = peers.flags[peer] + row + peers.rank;
        if constexpr (kOrders == Orders::written) {
            store_release(theirs, epoch);
        } else {
            store_relaxed(theirs, epoch);
        }
        wait_for_flag<kOrders>(peers, peers.flags[peers.rank] + row + peer, peer, epoch);
    }
    __syncthreads();
}

/// A sum in f32 of vectors of T, rounded once.
template <class T, int Width>
struct VectorSum {
    float total[Width] = {};

    __device__ void add(const Vector<T, Width>& term) {
#pragma unroll
        for (int j = 0; j < Width; ++j) total[j] += static_cast<float>(term.at[j]);
    }
    [[nodiscard]] __device__ Vector<T, Width> rounded() const {
        Vector<T, Width> result;
#pragma unroll
        for (int j = 0; j < Width; ++j) result.at[j] = static_cast<T>(total[j]);
        return result;
    }
};

/// Vector i of `bytes` bytes, of which the last may lack elements; those count as zeros. Aligned:
/// the first begins at a multiple of 16.
template <class T, bool Aligned = true>
__device__ Vector<T, kWide<T>> load_padded(const std::byte* from, std::int64_t i,
                                           std::int64_t bytes) {
    using V = Vector<T, kWide<T>>;
    const auto left = bytes / static_cast<std::int64_t>(sizeof(T)) - i * kWide<T>;
    if (Aligned && left >= kWide<T>) return reinterpret_cast<const V*>(from)[i];
    V value{};
#pragma unroll
    for (int j = 0; j < kWide<T>; ++j) {
        if (j < left) value.at[j] = reinterpret_cast<const T*>(from)[i * kWide<T> + j];
    }
    return value;
}
template <class T, bool Aligned = true>
__device__ void store_padded(std::byte* to, std::int64_t i, std::int64_t bytes,
                             const Vector<T, kWide<T>>& value) {
    using V = Vector<T, kWide<T>>;
    const auto left = bytes / static_cast<std::int64_t>(sizeof(T)) - i * kWide<T>;
    if (Aligned && left >= kWide<T>) {
        reinterpret_cast<V*>(to)[i] = value;
        return;
    }
#pragma unroll
    for (int j = 0; j < kWide<T>; ++j) {
        if (j < left) reinterpret_cast<T*>(to)[i * kWide<T> + j] = value.at[j];
    }
}

}  // namespace moe::cuda
