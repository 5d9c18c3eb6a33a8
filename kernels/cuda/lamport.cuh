// Words that carry their own news (Lamport's shared registers, as FlashInfer and SGLang use them):
// a word of an inbox is zero until it has come, so that neither a flag nor a fence goes with it.
// Words travel inverted. So the one word that cannot travel is all ones, a NaN (two of them in
// 16-bit types), and not +0; it is sent as another NaN.
#pragma once

#include "kernels/cuda/peer.cuh"

namespace moe::cuda {

/// A word as it travels: never zero.
__device__ inline std::uint32_t sealed(std::uint32_t word) {
    return word == 0xFFFFFFFFU ? 1U : ~word;
}
__device__ inline bool has_come(const uint4& words) {
    return words.x != 0 && words.y != 0 && words.z != 0 && words.w != 0;
}

/// Writes vector i of an inbox.
template <class V>
__device__ void post(std::byte* inbox, std::int64_t i, const V& value) {
    uint4 words;
    std::memcpy(&words, static_cast<const void*>(&value), sizeof words);
    store_relaxed(reinterpret_cast<uint4*>(inbox) + i,
                  make_uint4(sealed(words.x), sealed(words.y), sealed(words.z), sealed(words.w)));
}

/// Waits for vector i of an inbox and empties its place. `seen`: what an earlier load found there.
/// Assumes that each 32-bit word comes whole, and nothing of the four together.
template <class V>
__device__ V take(const Peers& peers, std::byte* inbox, std::int64_t i, uint4 seen, int peer,
                  std::uint32_t epoch) {
    auto* place = reinterpret_cast<uint4*>(inbox) + i;
    Overdue overdue{peers, peer, epoch};
    while (!has_come(seen) && !overdue(seen.x)) seen = load_relaxed(place);
    *place = make_uint4(0, 0, 0, 0);
    const auto words = make_uint4(~seen.x, ~seen.y, ~seen.z, ~seen.w);
    V value;
    std::memcpy(static_cast<void*>(&value), &words, sizeof value);
    return value;
}

/// Where ranks write in one call; see PushInbox::slot.
struct Slots {
    const Peers& peers;
    std::int64_t slot_bytes;
    std::uint32_t epoch;

    [[nodiscard]] __device__ std::byte* of(int owner, int source) const {
        const auto half = static_cast<std::int64_t>(epoch % 2) * peers.ranks;
        return peers.data[owner] + (half + source) * slot_bytes;
    }
};

}  // namespace moe::cuda
