#pragma once

#include "kernels/runtime/dtype.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace moe::cuda {

/// What one thread moves at once where every address and size allows it.
constexpr std::size_t kVectorBytes = 16;
/// Threads that share a slice of a row, a vector each.
constexpr int kSliceThreads = 128;
constexpr unsigned kSliceBytes = kSliceThreads * kVectorBytes;

/// The device's own type for each of ours; the bits are the same.
template <class T>
struct Native {
    using type = T;
};
template <>
struct Native<BFloat16> {
    using type = __nv_bfloat16;
};
template <>
struct Native<Float16> {
    using type = __half;
};

template <class T, int Width>
struct alignas(sizeof(T) * Width) Vector {
    T at[Width];
};
/// Streaming store (evict-first), for more than the cache holds until it is read.
template <class V>
__device__ void store_streaming(V* to, const V& value) {
    if constexpr (sizeof(V) == kVectorBytes) {
        __stcs(reinterpret_cast<uint4*>(to), reinterpret_cast<const uint4&>(value));
    } else {
        *to = value;
    }
}
/// Elements of T in one wide access.
template <class T>
constexpr int kWide = static_cast<int>(kVectorBytes / sizeof(T));

inline bool is_vector_aligned(const void* data) {
    return reinterpret_cast<std::uintptr_t>(data) % kVectorBytes == 0;
}

/// Whether rows of `row_bytes`, densely packed from each of `starts`, can be moved by wide accesses
/// only.
inline bool rows_are_wide(std::size_t row_bytes, std::initializer_list<const void*> starts) {
    if (row_bytes % kVectorBytes != 0) return false;
    for (const auto* start : starts) {
        if (!is_vector_aligned(start)) return false;
    }
    return true;
}

/// visit(Tag<native type>, Tag for the width): wide where `wide`, else one element at a time.
template <int Width>
struct Lanes {
    static constexpr int value = Width;
};
template <class Visit>
void visit_native(DType dtype, bool wide, Visit&& visit) {
    visit_dtype(dtype, [&](auto tag) {
        using T = typename Native<typename decltype(tag)::type>::type;
        if (wide) {
            visit(Tag<T>{}, Lanes<kWide<T>>{});
        } else {
            visit(Tag<T>{}, Lanes<1>{});
        }
    });
}

__host__ __device__ constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
    return (a + b - 1) / b;
}

}  // namespace moe::cuda
