#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace moe {

/// Bytes behind a result that nobody may write, and what they hold.
constexpr std::size_t kGuard = 64;
constexpr std::byte kGuardByte{0x5a};

/// Poisons a result, with the guard behind it at its end.
inline void poison_guarded(std::span<std::byte> all, std::byte poison) {
    std::ranges::fill(all.first(all.size() - kGuard), poison);
    std::ranges::fill(all.last(kGuard), kGuardByte);
}
[[nodiscard]] inline bool guard_is_whole(std::span<const std::byte> all) {
    return std::ranges::all_of(all.last(kGuard), [](std::byte one) { return one == kGuardByte; });
}

}  // namespace moe
