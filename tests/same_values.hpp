#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

namespace moe {

/// Whether two elements have the same bits, or neither is a number: which NaN comes out of a sum is
/// up to the hardware. Unlike ==, tells zeros of both signs apart.
template <class T>
[[nodiscard]] inline bool same_values(const T& a, const T& b) {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint16_t>;
    const bool nans = std::isnan(static_cast<float>(a)) && std::isnan(static_cast<float>(b));
    return nans || std::bit_cast<Bits>(a) == std::bit_cast<Bits>(b);
}

}  // namespace moe
