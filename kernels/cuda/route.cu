// Top-k of the router's logits, a warp for each row. A row's logits are read once and stay in
// registers, so that the k rounds of choosing cost no memory traffic.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/route.hpp"
#include "kernels/cuda/vector.cuh"

namespace moe::cuda {
namespace {

constexpr int kWarp = 32;
constexpr int kWarpsOfBlock = 8;
constexpr unsigned kAll = 0xffffffffU;

/// Grows with the float, so that one integer instruction finds a warp's largest. 0 is below all.
__device__ std::uint32_t ordered(float value) {
    const auto bits = __float_as_uint(value);
    return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

/// A row's logits over the lanes of a warp: lane l holds experts l, l + 32, ... The one that was
/// chosen is struck out.
template <int PerLane>
class Scores {
public:
    __device__ Scores(const float* logits, const float* bias, std::int64_t experts, int lane)
        : lane_(lane) {
#pragma unroll
        for (int i = 0; i < PerLane; ++i) {
            const auto expert = i * kWarp + lane;
            key_[i] = 0;
            if (expert < experts) {
                key_[i] = ordered(logits[expert] + (bias == nullptr ? 0.0F : bias[expert]));
            }
        }
    }
    /// The best that is left; of equal ones the lowest.
    __device__ std::int32_t take_best() {
        std::uint32_t best = 0;
        std::uint32_t at = kAll;
#pragma unroll
        for (int i = 0; i < PerLane; ++i) {
            if (key_[i] <= best) continue;
            best = key_[i];
            at = static_cast<std::uint32_t>(i * kWarp + lane_);
        }
        const auto winner = __reduce_max_sync(kAll, best);
        const auto expert = __reduce_min_sync(kAll, best == winner ? at : kAll);
#pragma unroll
        for (int i = 0; i < PerLane; ++i) {
            if (expert == static_cast<std::uint32_t>(i * kWarp + lane_)) key_[i] = 0;
        }
        return static_cast<std::int32_t>(expert);
    }

private:
    std::uint32_t key_[PerLane];
    int lane_;
};

/// For any number of experts: reads the logits again in each round.
template <>
class Scores<0> {
public:
    __device__ Scores(const float* logits, const float* bias, std::int64_t experts, int lane)
        : logits_(logits), bias_(bias), experts_(experts), lane_(lane) {}
    __device__ std::int32_t take_best() {
        std::uint32_t best = 0;
        std::uint32_t at = kAll;
        for (std::int64_t expert = lane_; expert < experts_; expert += kWarp) {
            const auto key = ordered(logits_[expert] + (bias_ == nullptr ? 0.0F : bias_[expert]));
            const auto index = static_cast<std::uint32_t>(expert);
            // What comes after the last one taken, best first and of equal ones the lowest first.
            const bool left = !taken_ || key < last_key_ || (key == last_key_ && index > last_);
            if (!left || key <= best) continue;
            best = key;
            at = index;
        }
        last_key_ = __reduce_max_sync(kAll, best);
        last_ = __reduce_min_sync(kAll, best == last_key_ ? at : kAll);
        taken_ = true;
        return static_cast<std::int32_t>(last_);
    }

private:
    const float* logits_;
    const float* bias_;
    std::int64_t experts_;
    int lane_;
    std::uint32_t last_key_{}, last_{};
    bool taken_{};
};

__device__ float sigmoid(float x) {
    return 1.0F / (1.0F + expf(-x));
}

__device__ float warp_sum(float value) {
#pragma unroll
    for (int step = kWarp / 2; step > 0; step /= 2) value += __shfl_xor_sync(kAll, value, step);
    return value;
}

template <class T, int Width>
__device__ float dot(const T* a, const T* b, std::int64_t count, int lane) {
    using V = Vector<T, Width>;
    float total = 0;
    for (std::int64_t i = lane; i < count / Width; i += kWarp) {
        const V left = reinterpret_cast<const V*>(a)[i];
        const V right = reinterpret_cast<const V*>(b)[i];
#pragma unroll
        for (int j = 0; j < Width; ++j) {
            total += static_cast<float>(left.at[j]) * static_cast<float>(right.at[j]);
        }
    }
    return warp_sum(total);
}

template <class T, int Width, int PerLane>
__global__ void __launch_bounds__(kWarp* kWarpsOfBlock)
    choose(const T* x, std::int64_t rows, std::int64_t hidden, Choosing how, Routing routing) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const auto row = blockIdx.x * std::int64_t{kWarpsOfBlock} + threadIdx.x / kWarp;
    if (row >= rows) return;
    auto* chosen = routing.expert + row * how.top_k;
    auto* weights = routing.weight + row * how.top_k;
    const bool live = how.live[row] != 0;
    if (how.shared_weight != nullptr) {
        float weight = 1;
        if (how.gate != nullptr && live) {
            const auto* gate = reinterpret_cast<const T*>(how.gate);
            weight = sigmoid(dot<T, Width>(x + row * hidden, gate, hidden, lane));
        }
        if (lane == 0) how.shared_weight[row] = weight;
    }
    if (!live) {
        for (int k = lane; k < how.top_k; k += kWarp) {
            chosen[k] = -1;
            weights[k] = 0;
        }
        return;
    }
    const auto* logits = how.logits + row * how.experts;
    Scores<PerLane> scores(logits, how.bias, how.experts, lane);
    float best = 0;
    float sum = 0;
    for (int k = 0; k < how.top_k; ++k) {
        const auto expert = scores.take_best();
        const float logit = logits[expert] + (how.bias == nullptr ? 0.0F : how.bias[expert]);
        if (k == 0) best = logit;
        // A softmax over all experts, renormalised over the chosen, is one over the chosen.
        const float score = how.scoring == Scoring::softmax ? expf(logit - best) : sigmoid(logit);
        sum += score;
        if (lane == k % kWarp) {
            chosen[k] = expert;
            weights[k] = score;
        }
    }
    for (int k = lane; k < how.top_k; k += kWarp) weights[k] /= sum;
}

template <class T, int Width>
void launch(const Matrix& x, const Choosing& how, const Routing& routing, cudaStream_t stream) {
    const auto blocks = static_cast<unsigned>(ceil_div(x.rows, kWarpsOfBlock));
    constexpr unsigned kThreads = kWarp * kWarpsOfBlock;
    const auto* rows = x.as<T>();
    if (how.experts <= 4 * kWarp) {
        choose<T, Width, 4><<<blocks, kThreads, 0, stream>>>(rows, x.rows, x.cols, how, routing);
    } else if (how.experts <= 8 * kWarp) {
        choose<T, Width, 8><<<blocks, kThreads, 0, stream>>>(rows, x.rows, x.cols, how, routing);
    } else if (how.experts <= 16 * kWarp) {
        choose<T, Width, 16><<<blocks, kThreads, 0, stream>>>(rows, x.rows, x.cols, how, routing);
    } else {
        choose<T, Width, 0><<<blocks, kThreads, 0, stream>>>(rows, x.rows, x.cols, how, routing);
    }
    MOE_CUDA(cudaGetLastError());
}

}  // namespace

void launch_choose(const Matrix& x, const Choosing& choosing, const Routing& routing,
                   cudaStream_t stream) {
    if (x.rows == 0) return;
    visit_native(x.dtype, rows_are_wide(x.row_bytes(), {x.data, choosing.gate}),
                 [&](auto tag, auto lanes) {
                     launch<typename decltype(tag)::type, decltype(lanes)::value>(x, choosing,
                                                                                  routing, stream);
                 });
}

}  // namespace moe::cuda
