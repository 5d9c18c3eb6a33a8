#pragma once

#include <cstdint>

namespace moe {

/// Mixes a key and a place into bits that depend on every bit of both: the finalizer of MurmurHash3
/// (Appleby, 2011). 32 bits wide, so that loops over places are vectorised.
[[nodiscard]] constexpr std::uint32_t mixed_bits(std::uint32_t key, std::uint32_t place) {
    auto bits = key ^ (place * 0x9e3779b9U);
    bits = (bits ^ (bits >> 16U)) * 0x85ebca6bU;
    bits = (bits ^ (bits >> 13U)) * 0xc2b2ae35U;
    return bits ^ (bits >> 16U);
}

/// Mixes both halves of a seed into a key.
[[nodiscard]] constexpr std::uint32_t mixed_key(std::uint64_t seed) {
    return mixed_bits(static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U));
}

}  // namespace moe
