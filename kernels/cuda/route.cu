// What follows the router's logits. Choosing the best k of E is bound by instructions long before
// memory (k rounds over all of a row's logits are some 800 of them for 10 of 512), so it discards
// nearly all first: the k-th best of the lanes' own best logits is a bound that at least k logits
// reach and few do. Only those are ranked, each by counting what is better.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/route.hpp"
#include "kernels/cuda/vector.cuh"

namespace moe::cuda {
namespace {

constexpr int kWarp = 32;
constexpr int kWarpsOfBlock = 8;
constexpr int kThreads = kWarp * kWarpsOfBlock;
constexpr unsigned kAll = 0xffffffffU;

/// Grows with the float, so that integers can be compared instead. 0 is below all that an addition
/// returns, whose only NaN is a positive one.
__device__ std::uint32_t ordered(float value) {
    const auto bits = __float_as_uint(value);
    return bits ^ (static_cast<std::uint32_t>(static_cast<std::int32_t>(bits) >> 31) | 0x80000000U);
}
__device__ float unordered(std::uint32_t key) {
    return __uint_as_float((key & 0x80000000U) != 0 ? key ^ 0x80000000U : ~key);
}

/// A logit and its expert in one number: larger is better, of equal logits the lowest expert. 0 is
/// worse than all.
using Candidate = unsigned long long;
__device__ Candidate candidate(std::uint32_t key, std::uint32_t expert) {
    return static_cast<Candidate>(key) << 32U | (kAll - expert);
}
__device__ std::int32_t expert_of(Candidate one) {
    return static_cast<std::int32_t>(kAll - static_cast<std::uint32_t>(one));
}
__device__ float logit_of(Candidate one) {
    return unordered(static_cast<std::uint32_t>(one >> 32U));
}

template <int Width>
__device__ float group_sum(float value) {
#pragma unroll
    for (int step = Width / 2; step > 0; step /= 2) {
        value += __shfl_xor_sync(kAll, value, step, Width);
    }
    return value;
}
template <int Width>
__device__ Candidate group_best(Candidate value) {
#pragma unroll
    for (int step = Width / 2; step > 0; step /= 2) {
        value = max(value, __shfl_xor_sync(kAll, value, step, Width));
    }
    return value;
}

__device__ float sigmoid(float x) {
    return 1.0F / (1.0F + expf(-x));
}
/// A softmax over all experts, renormalised over the chosen, is one over the chosen.
__device__ float score(float logit, float best, Scoring scoring) {
    return scoring == Scoring::softmax ? expf(logit - best) : sigmoid(logit);
}

/// `Lanes` lanes for each row, each with `PerLane` of its logits in registers: four neighbours at
/// a time where `Wide`.
template <int Lanes, int PerLane, bool Wide>
class Chooser {
public:
    /// Logits that are ranked; where more reach the bound, which takes many equal ones, k rounds
    /// do without it.
    static constexpr int kRanked = 64;
    /// With how many others one is compared in a step.
    static constexpr int kAtOnce = 4;

    /// What the lanes of one row tell each other.
    struct Shared {
        alignas(16) std::uint32_t best[Lanes];
        alignas(16) Candidate ranked[kRanked + kAtOnce];
        Candidate chosen[Lanes];
        std::uint32_t bound;
    };

    /// Without logits: a row that is not live.
    __device__ Chooser(const float* logits, const float* bias, std::int64_t experts, int lane,
                       Shared& shared)
        : lane_(lane), shared_(shared) {
#pragma unroll
        for (int i = 0; i < PerLane; i += kStep) {
            const auto expert = expert_at(i);
            Vector<float, kStep> read{};
            Vector<float, kStep> add{};
            const bool is = logits != nullptr && expert < experts;
            if (is) read = reinterpret_cast<const Vector<float, kStep>*>(logits + expert)[0];
            if (is && bias != nullptr) {
                add = reinterpret_cast<const Vector<float, kStep>*>(bias + expert)[0];
            }
#pragma unroll
            for (int j = 0; j < kStep; ++j) {
                key_[i + j] = is ? ordered(read.at[j] + add.at[j]) : 0;
            }
        }
    }

    /// The best `top_k` <= Lanes into `chosen`, best first. For all lanes of a warp at once.
    __device__ void choose(int top_k, bool live) {
        const auto bound = find_bound(top_k);
        int mine = 0;
#pragma unroll
        for (int i = 0; i < PerLane; ++i) mine += key_[i] >= bound ? 1 : 0;
        int end = mine;
#pragma unroll
        for (int step = 1; step < Lanes; step *= 2) {
            const int before = __shfl_up_sync(kAll, end, step, Lanes);
            if (lane_ >= step) end += before;
        }
        const int count = __shfl_sync(kAll, end, Lanes - 1, Lanes);
        if (__any_sync(kAll, live && count > kRanked)) {
            choose_in_rounds(top_k);
            return;
        }
        auto* to = shared_.ranked + (end - mine);
#pragma unroll
        for (int i = 0; i < PerLane; ++i) {
            if (key_[i] >= bound) *to++ = candidate(key_[i], expert_at(i));
        }
        if (lane_ < kAtOnce) shared_.ranked[count + lane_] = 0;
        __syncwarp();
        for (int at = lane_; at < count; at += Lanes) {
            const auto one = shared_.ranked[at];
            int better = 0;
            for (int others = 0; others < count; others += kAtOnce) {
#pragma unroll
                for (int i = 0; i < kAtOnce; ++i) {
                    better += shared_.ranked[others + i] > one ? 1 : 0;
                }
            }
            if (better < top_k) shared_.chosen[better] = one;
        }
        __syncwarp();
    }

private:
    static constexpr int kStep = Wide ? 4 : 1;

    /// Of the lane's i-th logit; the step's others follow.
    [[nodiscard]] __device__ std::uint32_t expert_at(int i) const {
        return static_cast<std::uint32_t>((i / kStep * Lanes + lane_) * kStep + i % kStep);
    }

    /// At least top_k keys reach it, or all that are no padding.
    __device__ std::uint32_t find_bound(int top_k) {
        // The last bits make the lanes' bests distinct; without them the bound is a little lower.
        constexpr std::uint32_t kLaneBits = kWarp - 1;
        std::uint32_t best = 0;
#pragma unroll
        for (int i = 0; i < PerLane; ++i) best = max(best, key_[i]);
        best = (best & ~kLaneBits) | static_cast<std::uint32_t>(lane_);
        shared_.best[lane_] = best;
        __syncwarp();
        int better = 0;
#pragma unroll
        for (int i = 0; i < Lanes; ++i) better += shared_.best[i] > best ? 1 : 0;
        if (better == top_k - 1) shared_.bound = best & ~kLaneBits;
        __syncwarp();
        return max(shared_.bound, 1U);
    }

    /// k times the best of what is left.
    __device__ void choose_in_rounds(int top_k) {
        auto last = ~Candidate{};
        for (int k = 0; k < top_k; ++k) {
            Candidate best = 0;
#pragma unroll
            for (int i = 0; i < PerLane; ++i) {
                const auto one = candidate(key_[i], expert_at(i));
                if (one < last) best = max(best, one);
            }
            last = group_best<Lanes>(best);
            if (lane_ == 0) shared_.chosen[k] = last;
        }
        __syncwarp();
    }

    std::uint32_t key_[PerLane];
    int lane_;
    Shared& shared_;
};

template <class Chooser, int Lanes>
__global__ void __launch_bounds__(kThreads)
    choose(std::int64_t rows, Choosing how, Routing routing) {
    __shared__ typename Chooser::Shared shared[kThreads / Lanes];
    const int group = static_cast<int>(threadIdx.x) / Lanes;
    const int lane = static_cast<int>(threadIdx.x) % Lanes;
    const auto row = blockIdx.x * std::int64_t{kThreads / Lanes} + group;
    const bool live = row < rows && how.live[row] != 0;
    auto& mine = shared[group];
    Chooser chooser(live ? how.logits + row * how.experts : nullptr, how.bias, how.experts, lane,
                    mine);
    chooser.choose(how.top_k, live);
    const auto one = live && lane < how.top_k ? mine.chosen[lane] : Candidate{};
    const float points =
        one == 0 ? 0.0F : score(logit_of(one), logit_of(mine.chosen[0]), how.scoring);
    const float sum = group_sum<Lanes>(points);
    if (row >= rows || lane >= how.top_k) return;
    routing.expert[row * how.top_k + lane] = live ? expert_of(one) : -1;
    routing.weight[row * how.top_k + lane] = live ? points / sum : 0;
}

/// For any number of experts and choices: a warp for each row, which reads its logits k times.
__global__ void __launch_bounds__(kThreads)
    choose_any(std::int64_t rows, Choosing how, Routing routing) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const auto row = blockIdx.x * std::int64_t{kWarpsOfBlock} + threadIdx.x / kWarp;
    if (row >= rows) return;
    auto* chosen = routing.expert + row * how.top_k;
    auto* weights = routing.weight + row * how.top_k;
    const bool live = how.live[row] != 0;
    const auto* logits = how.logits + row * how.experts;
    auto last = ~Candidate{};
    float best = 0;
    float sum = 0;
    for (int k = 0; k < how.top_k; ++k) {
        if (live) {
            Candidate found = 0;
            for (std::int64_t e = lane; e < how.experts; e += kWarp) {
                const float logit = logits[e] + (how.bias == nullptr ? 0.0F : how.bias[e]);
                const auto one = candidate(ordered(logit), static_cast<std::uint32_t>(e));
                if (one < last) found = max(found, one);
            }
            last = group_best<kWarp>(found);
        }
        if (k == 0) best = logit_of(last);
        const float points = live ? score(logit_of(last), best, how.scoring) : 0;
        sum += points;
        if (lane == k % kWarp) {
            chosen[k] = live ? expert_of(last) : -1;
            weights[k] = points;
        }
    }
    if (!live) return;
    for (int k = lane; k < how.top_k; k += kWarp) weights[k] /= sum;
}

template <int Lanes, int PerLane>
void launch_groups(std::int64_t rows, const Choosing& how, const Routing& routing,
                   cudaStream_t stream) {
    const auto blocks = static_cast<unsigned>(ceil_div(rows, kThreads / Lanes));
    const auto row_bytes = static_cast<std::size_t>(how.experts) * sizeof(float);
    if (rows_are_wide(row_bytes, {how.logits, how.bias})) {
        choose<Chooser<Lanes, PerLane, true>, Lanes>
            <<<blocks, kThreads, 0, stream>>>(rows, how, routing);
    } else {
        choose<Chooser<Lanes, PerLane, false>, Lanes>
            <<<blocks, kThreads, 0, stream>>>(rows, how, routing);
    }
}

void launch_best(std::int64_t rows, const Choosing& how, const Routing& routing,
                 cudaStream_t stream) {
    if (how.top_k <= 16 && how.experts <= 64) {
        launch_groups<16, 4>(rows, how, routing, stream);
    } else if (how.top_k <= 16 && how.experts <= 128) {
        launch_groups<16, 8>(rows, how, routing, stream);
    } else if (how.top_k <= 16 && how.experts <= 256) {
        launch_groups<16, 16>(rows, how, routing, stream);
    } else if (how.top_k <= 32 && how.experts <= 512) {
        launch_groups<32, 16>(rows, how, routing, stream);
    } else if (how.top_k <= 32 && how.experts <= 1024) {
        launch_groups<32, 32>(rows, how, routing, stream);
    } else {
        const auto blocks = static_cast<unsigned>(ceil_div(rows, kWarpsOfBlock));
        choose_any<<<blocks, kThreads, 0, stream>>>(rows, how, routing);
    }
    MOE_CUDA(cudaGetLastError());
}

/// The shared expert's share of each row: 1, or what its gate says. A warp for each row.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    weigh_shared(const T* x, const T* gate, std::int64_t rows, std::int64_t vectors,
                 const std::uint8_t* live, float* weight) {
    using V = Vector<T, Width>;
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const auto row = blockIdx.x * std::int64_t{kWarpsOfBlock} + threadIdx.x / kWarp;
    if (row >= rows) return;
    float total = 0;
    const bool gated = gate != nullptr && live[row] != 0;
    for (std::int64_t i = lane; gated && i < vectors; i += kWarp) {
        const V left = reinterpret_cast<const V*>(x)[row * vectors + i];
        const V right = reinterpret_cast<const V*>(gate)[i];
#pragma unroll
        for (int j = 0; j < Width; ++j) {
            total += static_cast<float>(left.at[j]) * static_cast<float>(right.at[j]);
        }
    }
    total = group_sum<kWarp>(total);
    if (lane == 0) weight[row] = gated ? sigmoid(total) : 1;
}

}  // namespace

void launch_choose(const Matrix& x, const Choosing& choosing, const Routing& routing,
                   cudaStream_t stream) {
    if (x.rows == 0) return;
    launch_best(x.rows, choosing, routing, stream);
    if (choosing.shared_weight == nullptr) return;
    visit_native(x.dtype, rows_are_wide(x.row_bytes(), {x.data, choosing.gate}),
                 [&](auto tag, auto lanes) {
                     using T = typename decltype(tag)::type;
                     constexpr int kLanes = decltype(lanes)::value;
                     const auto blocks = static_cast<unsigned>(ceil_div(x.rows, kWarpsOfBlock));
                     weigh_shared<T, kLanes><<<blocks, kThreads, 0, stream>>>(
                         x.as<T>(), reinterpret_cast<const T*>(choosing.gate), x.rows,
                         x.cols / kLanes, choosing.live, choosing.shared_weight);
                     MOE_CUDA(cudaGetLastError());
                 });
}

}  // namespace moe::cuda
