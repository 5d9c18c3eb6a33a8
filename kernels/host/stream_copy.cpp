#include "kernels/host/stream_copy.hpp"

#include <emmintrin.h>

#include <algorithm>
#include <cstdint>

namespace moe {

void stream_copy(const std::byte* from, std::size_t bytes, std::byte* to) {
    constexpr std::size_t kVector = sizeof(__m128i);
    const auto unaligned = (kVector - reinterpret_cast<std::uintptr_t>(to) % kVector) % kVector;
    const auto head = std::min(unaligned, bytes);
    std::copy_n(from, head, to);
    auto at = head;
    for (; at + kVector <= bytes; at += kVector) {
        _mm_stream_si128(reinterpret_cast<__m128i*>(to + at),
                         _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at)));
    }
    std::copy_n(from + at, bytes - at, to + at);
    _mm_sfence();  // a release store does not wait for streaming stores
}

}  // namespace moe
