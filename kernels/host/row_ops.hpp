#pragma once

#include "kernels/runtime/dtype.hpp"

#include <cstdint>

namespace moe {

// Plain loops over one contiguous run that the compiler vectorises; the types are the whole
// difference between them, so they are templates and stand in a header.

/// to[i] = float(from[i])
template <class T>
void widen(const T* __restrict from, float* __restrict to, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(from[i]);
}

/// to[i] = T(from[i])
template <class T>
void round_to(const float* __restrict from, T* __restrict to, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = T(from[i]);
}

/// to[i] += from[i], added in float and rounded once
template <class T>
void add_into(const T* __restrict from, T* __restrict to, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
        to[i] = T(static_cast<float>(from[i]) + static_cast<float>(to[i]));
    }
}

/// sum[i] += weight * from[i]
template <class T>
void add_scaled(float weight, const T* __restrict from, float* __restrict sum, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) sum[i] += weight * static_cast<float>(from[i]);
}

}  // namespace moe
