#pragma once

#include "kernels/runtime/dtype.hpp"

#include <cstdint>
#include <span>

// What the processor's instructions for halves (F16C) do of the loops in row_ops.hpp, which GCC 12
// does not vectorise with them: packs of eight values from the first one on, with the same bits as
// the loops. Each returns how many values it did: 0 of other types, and of halves where the build
// may not use these instructions (no_half_packs.cpp).
namespace moe::packs {

std::int64_t widen(const Float16* from, float* to, std::int64_t count);
std::int64_t round_to(const float* from, Float16* to, std::int64_t count);
std::int64_t add_into(const Float16* from, Float16* to, std::int64_t count);
std::int64_t sum_rows(std::span<const Float16* const> rows, Float16* to, std::int64_t count);
std::int64_t add_rows(std::span<const Float16* const> rows, float* sum, std::int64_t count);

template <class From, class To>
constexpr std::int64_t widen(From /*from*/, To /*to*/, std::int64_t /*count*/) {
    return 0;
}
template <class From, class To>
constexpr std::int64_t round_to(From /*from*/, To /*to*/, std::int64_t /*count*/) {
    return 0;
}
template <class From, class To>
constexpr std::int64_t add_into(From /*from*/, To /*to*/, std::int64_t /*count*/) {
    return 0;
}
template <class Rows, class To>
constexpr std::int64_t sum_rows(Rows /*rows*/, To /*to*/, std::int64_t /*count*/) {
    return 0;
}
template <class Rows, class To>
constexpr std::int64_t add_rows(Rows /*rows*/, To /*sum*/, std::int64_t /*count*/) {
    return 0;
}

}  // namespace moe::packs
