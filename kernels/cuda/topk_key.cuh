#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace moe::cuda {

/// A logit and its expert in one number that orders them: the larger logit first, of equal ones the
/// lower expert. The logit is what an addition returned, whose only NaN is a positive one: it is
/// the largest. 0 is smaller than every key, kMaxKey larger.
using TopKKey = unsigned long long;
constexpr TopKKey kMaxKey = ~TopKKey{};
constexpr std::uint32_t kFirstExpert = ~0U - 1;

__device__ inline TopKKey make_key(float logit, std::uint32_t expert) {
    // Bits of floats grow with them but for the sign: a negative one grows the other way.
    const auto bits = __float_as_uint(logit);
    const auto flip = static_cast<std::uint32_t>(static_cast<std::int32_t>(bits) >> 31);
    return static_cast<TopKKey>(bits ^ (flip | 0x80000000U)) << 32U | (kFirstExpert - expert);
}
__device__ inline std::int32_t expert_of(TopKKey key) {
    return static_cast<std::int32_t>(kFirstExpert - static_cast<std::uint32_t>(key));
}
__device__ inline float logit_of(TopKKey key) {
    const auto bits = static_cast<std::uint32_t>(key >> 32U);
    return __uint_as_float((bits & 0x80000000U) != 0 ? bits ^ 0x80000000U : ~bits);
}

}  // namespace moe::cuda
