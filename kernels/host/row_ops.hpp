#pragma once

#include "kernels/host/half_packs.hpp"
#include "kernels/runtime/dtype.hpp"

#include <array>
#include <cstdint>
#include <span>

namespace moe {

// Plain loops over one contiguous run that the compiler vectorises; the types are the whole
// difference between them, so they are templates and stand in a header. Each goes on where
// half_packs.hpp has ended.

/// to[i] = float(from[i])
template <class T>
void widen(const T* __restrict from, float* __restrict to, std::int64_t count) {
    for (auto i = packs::widen(from, to, count); i < count; ++i) {
        to[i] = static_cast<float>(from[i]);
    }
}

/// to[i] = T(from[i])
template <class T>
void round_to(const float* __restrict from, T* __restrict to, std::int64_t count) {
    for (auto i = packs::round_to(from, to, count); i < count; ++i) to[i] = T(from[i]);
}

/// to[i] += from[i], added in float and rounded once
template <class T>
void add_into(const T* __restrict from, T* __restrict to, std::int64_t count) {
    for (auto i = packs::add_into(from, to, count); i < count; ++i) {
        to[i] = T(static_cast<float>(from[i]) + static_cast<float>(to[i]));
    }
}

/// to[i] = T(rows[0][i] + ...), added in float
template <std::size_t Rows, class T>
void sum_rows(const std::array<const T*, Rows>& rows, T* __restrict to, std::int64_t count) {
    for (auto i = packs::sum_rows(std::span<const T* const>(rows), to, count); i < count; ++i) {
        float total = 0;
        for (std::size_t r = 0; r < Rows; ++r) total += static_cast<float>(rows[r][i]);
        to[i] = T(total);
    }
}

/// sum[i] += rows[0][i] + ... for `Rows` rows at once
template <std::size_t Rows, class T>
void add_rows(const std::array<const T*, Rows>& rows, float* __restrict sum, std::int64_t count) {
    for (auto i = packs::add_rows(std::span<const T* const>(rows), sum, count); i < count; ++i) {
        float total = sum[i];
        for (std::size_t r = 0; r < Rows; ++r) total += static_cast<float>(rows[r][i]);
        sum[i] = total;
    }
}

/// sum[i] += weights[0] * rows[0][i] + ... for `Rows` rows at once: each more row costs a load,
/// where one at a time would also load and store the sum, and keeps one more stream of reads in
/// flight.
template <int Rows>
void add_scaled(const std::array<float, Rows>& weights, const std::array<const float*, Rows>& rows,
                float* __restrict sum, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
        float total = sum[i];
        for (std::size_t r = 0; r < Rows; ++r) total += weights[r] * rows[r][i];
        sum[i] = total;
    }
}

}  // namespace moe
