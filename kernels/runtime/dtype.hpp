#pragma once

#include "kernels/runtime/error.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace moe {

/// Element types that rows travel in. Arithmetic is done in float whatever the wire type is.
enum class DType : std::uint8_t { f32, bf16, f16 };

/// bfloat16 as storage: rounding (to nearest even) happens once, when a float is stored.
struct BFloat16 {
    std::uint16_t bits{};

    BFloat16() = default;
    explicit BFloat16(float value) {
        const auto raw = std::bit_cast<std::uint32_t>(value);
        const std::uint32_t rounded = (raw + 0x7fffU + ((raw >> 16U) & 1U)) >> 16U;
        // Rounding would carry a NaN's last bit into a zero, and hide a poisoned value with it.
        const bool nan = (raw & 0x7fffffffU) > 0x7f800000U;
        bits = static_cast<std::uint16_t>(nan ? (raw >> 16U) | 0x40U : rounded);
    }
    explicit operator float() const {
        return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
    }
};

/// IEEE 754 binary16 as storage, rounded to nearest even like BFloat16. Arithmetic on bits, because
/// the compilers that this builds with have no common half type in C++; without branches, and with
/// masks where others would write `?:`, so that loops over it are vectorised.
struct Float16 {
    std::uint16_t bits{};

    Float16() = default;
    explicit Float16(float value) {
        const auto raw = std::bit_cast<std::uint32_t>(value);
        const auto size = raw & 0x7fffffffU;
        // Below 2^-14 a float addition does the shift and the rounding: one unit in the last place
        // of 0.5 is 2^-24, the smallest half.
        const auto small =
            std::bit_cast<std::uint32_t>(std::bit_cast<float>(size) + 0.5F) - 0x3f000000U;
        const auto normal = (size - 0x38000000U + 0xfffU + ((size >> 13U) & 1U)) >> 13U;
        // Infinity, or a quiet NaN with as much of the payload as there is room for.
        const auto payload = 0x0200U | (size >> 13U & 0x03ffU);
        const auto large = 0x7c00U | (all_ones_if(size > 0x7f800000U) & payload);
        const auto finite = choose(size < 0x38800000U, small, normal);
        // 65520 is the first value that rounds to more than the largest half.
        const auto magnitude = choose(size >= 0x477ff000U, large, finite);
        bits = static_cast<std::uint16_t>(magnitude | (raw >> 16U & 0x8000U));
    }
    explicit operator float() const {
        const auto wide = static_cast<std::uint32_t>(bits);
        const auto size = (wide & 0x7fffU) << 13U;
        // With the exponent's bias put right by a product, which subnormal halves survive too.
        const auto finite = std::bit_cast<std::uint32_t>(std::bit_cast<float>(size) *
                                                         std::bit_cast<float>(0x77800000U));
        // The product keeps the fraction of what is infinite or no number, but not its exponent.
        // What is no number becomes a quiet one.
        const auto magnitude = finite | (all_ones_if(size >= 0x0f800000U) & 0x7f800000U) |
                               (all_ones_if(size > 0x0f800000U) & 0x00400000U);
        return std::bit_cast<float>(magnitude | (wide & 0x8000U) << 16U);
    }

private:
    static constexpr std::uint32_t all_ones_if(bool condition) {
        return ~static_cast<std::uint32_t>(condition) + 1U;
    }
    static constexpr std::uint32_t choose(bool condition, std::uint32_t yes, std::uint32_t no) {
        return no ^ ((no ^ yes) & all_ones_if(condition));
    }
};

template <class T>
struct Tag {
    using type = T;
};

/// The only switch over DType in the program: calls visitor(Tag<T>{}).
template <class Visitor>
decltype(auto) visit_dtype(DType dtype, Visitor&& visitor) {
    switch (dtype) {
        case DType::f32:
            return std::forward<Visitor>(visitor)(Tag<float>{});
        case DType::bf16:
            return std::forward<Visitor>(visitor)(Tag<BFloat16>{});
        case DType::f16:
            return std::forward<Visitor>(visitor)(Tag<Float16>{});
    }
    raise(MOE_SITE("dtype"), "unknown DType");
}

/// What a type can hold, for exact test data and for error bounds.
struct DTypeTraits {
    DType dtype;
    std::string_view name;
    std::size_t bytes;
    double unit_roundoff;          ///< half the distance from 1 to the next value
    std::int64_t largest_integer;  ///< all whole numbers up to this one are exact
    double underflow;              ///< half the distance between its smallest values
};

[[nodiscard]] std::span<const DTypeTraits> dtypes();
[[nodiscard]] const DTypeTraits& traits(DType dtype);
[[nodiscard]] inline std::size_t size_of(DType dtype) {
    return traits(dtype).bytes;
}
[[nodiscard]] inline std::string_view to_string(DType dtype) {
    return traits(dtype).name;
}

}  // namespace moe
