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
enum class DType : std::uint8_t { f32, bf16 };

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
