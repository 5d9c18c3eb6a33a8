// Choosing the best k of a row's experts, and what the ways to do it have in common.
#pragma once

#include "kernels/cuda/route.hpp"
#include "kernels/cuda/warp.cuh"

#include <cuda_runtime.h>

#include <cstdint>

namespace moe::cuda {

/// Grows with the float, so that integers can be compared instead. 0 is below all that an addition
/// returns, whose only NaN is a positive one.
__device__ inline std::uint32_t ordered(float value) {
    const auto bits = __float_as_uint(value);
    return bits ^ (static_cast<std::uint32_t>(static_cast<std::int32_t>(bits) >> 31) | 0x80000000U);
}
__device__ inline float unordered(std::uint32_t key) {
    return __uint_as_float((key & 0x80000000U) != 0 ? key ^ 0x80000000U : ~key);
}

/// A logit and its expert in one number: larger is better, of equal logits the lowest expert. 0 is
/// worse than all, kBetterThanAll what its name says.
using Candidate = unsigned long long;
constexpr Candidate kBetterThanAll = ~Candidate{};
constexpr std::uint32_t kFirstExpert = ~0U - 1;
__device__ inline Candidate candidate(std::uint32_t key, std::uint32_t expert) {
    return static_cast<Candidate>(key) << 32U | (kFirstExpert - expert);
}
__device__ inline std::int32_t expert_of(Candidate one) {
    return static_cast<std::int32_t>(kFirstExpert - static_cast<std::uint32_t>(one));
}
__device__ inline float logit_of(Candidate one) {
    return unordered(static_cast<std::uint32_t>(one >> 32U));
}

__device__ inline float sigmoid(float x) {
    return 1.0F / (1.0F + expf(-x));
}
/// Without overflow for any x, and exact where exp(x) is small beside 1.
__device__ inline float softplus(float x) {
    return fmaxf(x, 0.0F) + log1pf(expf(-fabsf(x)));
}
/// A softmax over all experts, renormalised over the chosen, is one over the chosen.
__device__ inline float score(float logit, float best, Scoring scoring) {
    if (scoring == Scoring::softmax) return expf(logit - best);
    return scoring == Scoring::sigmoid ? sigmoid(logit) : sqrtf(softplus(logit));
}

/// A logit and the bias of its expert; `bias` is null: none.
__device__ inline float biased(float logit, const float* bias, std::uint32_t expert) {
    return logit + (bias == nullptr ? 0.0F : bias[expert]);
}

/// What is chosen from.
struct Logits {
    const float* of_row;
    const float* bias;    ///< null: none
    std::uint32_t count;  ///< 0 for a row that is not live

    __device__ Logits(const Choosing& how, std::int64_t row, bool live)
        : of_row(how.logits + row * how.experts),
          bias(how.bias),
          count(live ? static_cast<std::uint32_t>(how.experts) : 0) {}
    [[nodiscard]] __device__ std::uint32_t key(std::uint32_t expert, float logit) const {
        return ordered(biased(logit, bias, expert));
    }
    /// The best that is worse than `last`, by `Lanes` lanes, which all get it; 0 where none is.
    template <int Lanes>
    [[nodiscard]] __device__ Candidate best_below(Candidate last) const {
        Candidate best = 0;
        for (auto e = threadIdx.x % Lanes; e < count; e += Lanes) {
            const auto one = candidate(key(e, of_row[e]), e);
            if (one < last) best = max(best, one);
        }
        return warp_reduce<Lanes>(best, [](Candidate a, Candidate b) { return max(a, b); });
    }
};

/// Scores and renormalises what was chosen: of `Mine` choices of each of a row's lanes the i-th is
/// the k_of(lane, i)-th of all, and is chosen(i); write(i, weight) for those below top_k. `best`:
/// the best logit. By all lanes of a warp at once.
template <int Lanes, int Mine, class Which, class Chosen, class Write>
__device__ void weigh(const Choosing& how, bool live, float best, Which k_of, Chosen chosen,
                      Write write) {
    const int lane = static_cast<int>(threadIdx.x) % Lanes;
    float points[Mine] = {};
    float sum = 0;
#pragma unroll
    for (int i = 0; i < Mine; ++i) {
        if (k_of(0, i) >= how.top_k) break;
        if (live && k_of(lane, i) < how.top_k) {
            points[i] = score(logit_of(chosen(i)), best, how.scoring);
        }
        sum += points[i];
    }
    sum = warp_sum<Lanes>(sum);
    const float scale = live ? 1.0F / sum : 0;
#pragma unroll
    for (int i = 0; i < Mine; ++i) {
        if (k_of(lane, i) >= how.top_k) break;
        write(i, points[i] * scale);
    }
}

/// At most 8 of at most 128 experts. Whether it was that, and was launched.
bool launch_choose_few(std::int64_t rows, const Choosing& how, const Routing& routing,
                       cudaStream_t stream);

}  // namespace moe::cuda
