#pragma once

#include "kernels/runtime/scoring.hpp"

#include <cuda_runtime.h>

namespace moe::cuda {

__device__ inline float sigmoid(float x) {
    return 1.0F / (1.0F + expf(-x));
}
/// Without overflow for any x, and exact where exp(x) is small beside 1.
__device__ inline float softplus(float x) {
    return fmaxf(x, 0.0F) + log1pf(expf(-fabsf(x)));
}
/// The score of a chosen logit, up to a factor that renormalising takes out: a softmax over all
/// experts, renormalised over the chosen, is one over the chosen. `best`: the row's largest logit.
__device__ inline float score(float logit, float best, Scoring scoring) {
    if (scoring == Scoring::softmax) return expf(logit - best);
    return scoring == Scoring::sigmoid ? sigmoid(logit) : sqrtf(softplus(logit));
}

}  // namespace moe::cuda
