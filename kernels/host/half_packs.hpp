#pragma once

#include "kernels/runtime/dtype.hpp"

#include <cstdint>
#include <span>

// What the processor's instructions for halves (F16C) do of the loops in row_ops.hpp and
// residual_norm.cpp, which GCC 12 does not vectorise with them: packs of eight values from the
// first one on, with the same bits as the loops, but for the order in which squares are added. Each
// returns how many values it did: 0 of other types, and of halves where the build may not use these
// instructions (no_half_packs.cpp).
namespace moe::packs {

std::int64_t widen(const Float16* from, float* to, std::int64_t count);
std::int64_t round_to(const float* from, Float16* to, std::int64_t count);
std::int64_t add_into(const Float16* from, Float16* to, std::int64_t count);
std::int64_t sum_rows(std::span<const Float16* const> rows, Float16* to, std::int64_t count);
std::int64_t add_rows(std::span<const Float16* const> rows, float* sum, std::int64_t count);
/// squares += the sum of the squares.
std::int64_t add_and_square(const Float16* x, const Float16* r, Float16* to, std::int64_t count,
                            float& squares);
std::int64_t scale_sum(const Float16* x, const Float16* r, const Float16* weight, float factor,
                       Float16* to, std::int64_t count);

template <class... Any>
constexpr std::int64_t widen(const Any&... /*of another type*/) {
    return 0;
}
template <class... Any>
constexpr std::int64_t round_to(const Any&... /*of another type*/) {
    return 0;
}
template <class... Any>
constexpr std::int64_t add_into(const Any&... /*of another type*/) {
    return 0;
}
template <class... Any>
constexpr std::int64_t sum_rows(const Any&... /*of another type*/) {
    return 0;
}
template <class... Any>
constexpr std::int64_t add_rows(const Any&... /*of another type*/) {
    return 0;
}
template <class... Any>
constexpr std::int64_t add_and_square(const Any&... /*of another type*/) {
    return 0;
}
template <class... Any>
constexpr std::int64_t scale_sum(const Any&... /*of another type*/) {
    return 0;
}

}  // namespace moe::packs
