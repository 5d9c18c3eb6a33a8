// What follows the router's logits. Choosing the best k of E is bound by instructions long before
// memory: k rounds over all of a row's logits are some 800 for 10 of 512, where the time that
// memory takes is good for some 500. So nearly all logits are discarded first: the k-th best of the
// best logits of groups of them is a bound that at least k logits reach and few do. Only those are
// ranked, each by counting what is no better. That makes 300; two thirds of the 500 are issued, the
// rest goes by waiting for shared memory and other lanes.
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/route.hpp"
#include "kernels/cuda/vector.cuh"
#include "kernels/cuda/warp.cuh"

namespace moe::cuda {
namespace {

constexpr int kWarpsOfBlock = 4;
constexpr int kThreads = kWarp * kWarpsOfBlock;
/// Of a lane's logits, each with one that is the best.
constexpr int kGroups = 4;
/// Of a lane's logits at most so many, a bit for each.
constexpr int kWord = 32;

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
/// worse than all, kBetterThanAll what its name says.
using Candidate = unsigned long long;
constexpr Candidate kBetterThanAll = ~Candidate{};
constexpr std::uint32_t kFirstExpert = ~0U - 1;
__device__ Candidate candidate(std::uint32_t key, std::uint32_t expert) {
    return static_cast<Candidate>(key) << 32U | (kFirstExpert - expert);
}
__device__ std::int32_t expert_of(Candidate one) {
    return static_cast<std::int32_t>(kFirstExpert - static_cast<std::uint32_t>(one));
}
__device__ float logit_of(Candidate one) {
    return unordered(static_cast<std::uint32_t>(one >> 32U));
}

__device__ float sigmoid(float x) {
    return 1.0F / (1.0F + expf(-x));
}
/// A softmax over all experts, renormalised over the chosen, is one over the chosen.
__device__ float score(float logit, float best, Scoring scoring) {
    return scoring == Scoring::softmax ? expf(logit - best) : sigmoid(logit);
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
    [[nodiscard]] __device__ std::uint32_t key(std::uint32_t expert) const {
        return ordered(of_row[expert] + (bias == nullptr ? 0.0F : bias[expert]));
    }
    /// The best that is worse than `last`, by `Lanes` lanes, which all get it; 0 where none is.
    template <int Lanes>
    [[nodiscard]] __device__ Candidate best_below(Candidate last) const {
        Candidate best = 0;
        for (auto e = threadIdx.x % Lanes; e < count; e += Lanes) {
            const auto one = candidate(key(e), e);
            if (one < last) best = max(best, one);
        }
        return fold<Lanes>(best, [](Candidate a, Candidate b) { return max(a, b); });
    }
};

/// What the lanes of one row tell each other.
template <int Lanes>
struct OfRow {
    /// The best of a lane's groups that the bound is found among: with few lanes, all.
    static constexpr int kHeads = Lanes < 8 ? kGroups : Lanes < kWarp ? 2 : 1;
    /// Choices that such a bound is good for.
    static constexpr int kMost = Lanes < 8 ? 8 : Lanes * kHeads;
    /// Logits that are ranked; where more reach the bound, which takes many equal ones, k rounds do
    /// without it.
    static constexpr int kRanked = Lanes < 8 ? 32 : 56;
    /// With how many others one is compared in a step.
    static constexpr int kAtOnce = 4;

    alignas(16) Candidate ranked[kRanked + kAtOnce];
    union {
        std::uint32_t head[Lanes * kHeads];  ///< while the bound is being found
        Candidate chosen[kMost];             ///< after that
    };
    std::uint32_t bound;
};
/// The rows of a warp read their `ranked` together, each from other banks.
template <int Lanes>
constexpr bool kApart = sizeof(OfRow<Lanes>) / 16 % 2 == 1;
static_assert(kApart<4> && kApart<8> && kApart<16> && kApart<32>);

/// `Lanes` lanes for each row, each with `PerLane` of its logits in registers: four neighbours at
/// a time where `Wide`.
template <int Lanes, int PerLane, bool Wide>
class Chooser {
public:
    using Shared = OfRow<Lanes>;

    __device__ Chooser(const Logits& logits, Shared& shared)
        : logits_(logits), lane_(static_cast<int>(threadIdx.x) % Lanes), shared_(shared) {
        // Without a condition for each where none is needed.
        if (logits.count == Lanes * PerLane) {
            load([](std::uint32_t) { return true; });
        } else {
            load([&](std::uint32_t expert) { return expert < logits_.count; });
        }
    }

    /// The best `top_k` <= kMost into what is chosen, best first; none of a row that is not live.
    /// For all lanes of a warp at once.
    __device__ void choose(int top_k) {
        const auto bound = find_bound(top_k);
        auto reach = logits_.count > 0 ? reaching(bound) : 0;
        const int mine = __popc(reach);
        const int end = inclusive_sum<Lanes>(mine);
        const int count = __shfl_sync(kAllLanes, end, Lanes - 1, Lanes);
        // Without a bound the padding would reach it as well.
        const bool bounded = bound > -INFINITY && count <= Shared::kRanked;
        if (__any_sync(kAllLanes, logits_.count > 0 && !bounded)) {
            choose_in_rounds(top_k);
            return;
        }
        auto* to = shared_.ranked + (end - mine);
#pragma unroll 1
        for (; reach != 0; ++to) {
            const int bit = kWord - 1 - __clz(static_cast<int>(reach));
            reach ^= 1U << bit;
            *to = candidate(0, expert_at(PerLane - 1 - bit));
        }
        __syncwarp();
        // From the cache once more: registers have no index.
#pragma unroll 1
        for (int at = lane_; at < count; at += Lanes) {
            const auto expert = static_cast<std::uint32_t>(expert_of(shared_.ranked[at]));
            shared_.ranked[at] = candidate(logits_.key(expert), expert);
        }
        for (int at = lane_; at < Shared::kAtOnce; at += Lanes) shared_.ranked[count + at] = 0;
        __syncwarp();
        rank(count, top_k);
    }

private:
    static constexpr int kStep = Wide ? 4 : 1;
    using Step = Vector<float, kStep>;
    static_assert(PerLane <= kWord && PerLane % (kStep * kGroups) == 0);

    /// Of the lane's i-th logit; the step's others follow.
    [[nodiscard]] __device__ std::uint32_t expert_at(int i) const {
        return static_cast<std::uint32_t>((i / kStep * Lanes + lane_) * kStep + i % kStep);
    }
    template <class IsReal>
    __device__ void load(IsReal is_real) {
        const auto* from = reinterpret_cast<const Step*>(logits_.of_row) + lane_;
        const auto* bias = reinterpret_cast<const Step*>(logits_.bias) + lane_;
#pragma unroll
        for (int i = 0; i < PerLane; i += kStep) {
            const bool real = is_real(expert_at(i));
            Step read{};
            if (real) read = from[i / kStep * Lanes];
#pragma unroll
            for (int j = 0; j < kStep; ++j) logit_[i + j] = real ? read.at[j] : -INFINITY;
        }
        if (logits_.bias == nullptr) return;
#pragma unroll
        for (int i = 0; i < PerLane; i += kStep) {
            if (!is_real(expert_at(i))) continue;
            const auto add = bias[i / kStep * Lanes];
#pragma unroll
            for (int j = 0; j < kStep; ++j) logit_[i + j] += add.at[j];
        }
    }

    /// At least top_k logits are no less, or all: the k-th best among the best logits of each
    /// lane's groups. NaN is less than all here, and reaches any bound.
    [[nodiscard]] __device__ float find_bound(int top_k) const {
        static_assert(kGroups == 4, "what the sorting network below is made for");
        constexpr int kOfGroup = PerLane / kGroups;
        float best[kGroups];
#pragma unroll
        for (int g = 0; g < kGroups; ++g) {
            best[g] = logit_[g * kOfGroup];
#pragma unroll
            for (int i = 1; i < kOfGroup; ++i) best[g] = fmaxf(best[g], logit_[g * kOfGroup + i]);
        }
        const auto sort = [&](int i, int j) {
            const float more = fmaxf(best[i], best[j]);
            best[j] = fminf(best[i], best[j]);
            best[i] = more;
        };
        sort(0, 1), sort(2, 3), sort(0, 2), sort(1, 3), sort(1, 2);
        // Distinct by their last bits; without them the bound is a little lower.
        constexpr int kHeads = Shared::kHeads;
        constexpr std::uint32_t kPlaces = Lanes * kHeads - 1;
        std::uint32_t head[kHeads];
#pragma unroll
        for (int h = 0; h < kHeads; ++h) {
            head[h] = (ordered(best[h] + 0.0F) & ~kPlaces) |
                      static_cast<std::uint32_t>(lane_ * kHeads + h);
            shared_.head[lane_ * kHeads + h] = head[h];
        }
        __syncwarp();
        int no_better[kHeads] = {};
#pragma unroll
        for (int i = 0; i < Lanes * kHeads; ++i) {
            const auto other = shared_.head[i];
#pragma unroll
            for (int h = 0; h < kHeads; ++h) count_no_larger(no_better[h], other, head[h]);
        }
#pragma unroll
        for (int h = 0; h < kHeads; ++h) {
            // One less, because -0 has a sign when +0 is taken from it: so the bound is -0.
            if (no_better[h] == Lanes * kHeads + 1 - top_k) {
                shared_.bound = (head[h] & ~kPlaces) - 1;
            }
        }
        __syncwarp();
        return unordered(shared_.bound);
    }

    /// A bit for each of the lane's logits that is not less than `bound`: the highest of PerLane
    /// bits for the first one. From signs of differences, which takes two instructions for each; a
    /// NaN has none.
    [[nodiscard]] __device__ std::uint32_t reaching(float bound) const {
        std::uint32_t less = 0;
#pragma unroll
        for (int i = 0; i < PerLane; ++i) {
            less = __funnelshift_l(__float_as_uint(logit_[i] - bound), less, 1);
        }
        constexpr auto kAllOfLane = static_cast<std::uint32_t>((std::uint64_t{1} << PerLane) - 1);
        return ~less & kAllOfLane;
    }

    /// Each candidate goes to the place that the number of better ones says.
    __device__ void rank(int count, int top_k) {
#pragma unroll 1
        for (int at = lane_; at < count; at += Lanes) {
            const auto one = shared_.ranked[at];
            int no_better = 0;
            int others = 0;
#pragma unroll 1
            for (; others < count; others += Shared::kAtOnce) {
#pragma unroll
                for (int i = 0; i < Shared::kAtOnce; ++i) {
                    count_no_larger(no_better, shared_.ranked[others + i], one);
                }
            }
            const int better = others - no_better;
            if (better < top_k) shared_.chosen[better] = one;
        }
        __syncwarp();
    }
    __device__ void choose_in_rounds(int top_k) {
        auto last = kBetterThanAll;
#pragma unroll 1
        for (int k = 0; k < top_k; ++k) {
            last = logits_.best_below<Lanes>(last);
            if (lane_ == 0) shared_.chosen[k] = last;
        }
        __syncwarp();
    }

    Logits logits_;
    float logit_[PerLane];
    int lane_;
    Shared& shared_;
};

/// `Lanes` lanes for each row. Everything waits for something (loads, shared memory, other lanes),
/// so that many warps have to be there to fill the gaps.
template <int Lanes, int PerLane, bool Wide>
__global__ void __launch_bounds__(kThreads, PerLane > 16 ? 8 : 10)
    choose(std::int64_t rows, Choosing how, Routing routing) {
    __shared__ OfRow<Lanes> of_block[kThreads / Lanes];
    const int lane = static_cast<int>(threadIdx.x) % Lanes;
    auto& shared = of_block[threadIdx.x / Lanes];
    const auto row = blockIdx.x * std::int64_t{kThreads / Lanes} + threadIdx.x / Lanes;
    const bool live = row < rows && how.live[row] != 0;
    Chooser<Lanes, PerLane, Wide>({how, row, live}, shared).choose(how.top_k);
    const auto best = logit_of(shared.chosen[0]);
    constexpr int kMine = OfRow<Lanes>::kMost / Lanes;
    float points[kMine] = {};
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kMine; ++i) {
        const int k = i * Lanes + lane;
        if (i * Lanes >= how.top_k) break;
        if (live && k < how.top_k) {
            points[i] = score(logit_of(shared.chosen[k]), best, how.scoring);
        }
        sum += points[i];
    }
    sum = sum_of_lanes<Lanes>(sum);
    const float scale = live ? 1.0F / sum : 0;
#pragma unroll
    for (int i = 0; i < kMine; ++i) {
        const int k = i * Lanes + lane;
        if (row >= rows || k >= how.top_k) break;
        routing.expert[row * how.top_k + k] = live ? expert_of(shared.chosen[k]) : -1;
        routing.weight[row * how.top_k + k] = points[i] * scale;
    }
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
    const Logits logits(how, row, live);
    auto last = kBetterThanAll;
    float best = 0;
    float sum = 0;
    for (int k = 0; k < how.top_k; ++k) {
        last = logits.best_below<kWarp>(last);
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

/// A launch of so many blocks of kThreads.
Launch in_blocks(std::int64_t blocks, cudaStream_t stream) {
    return {.blocks = dim3(static_cast<unsigned>(blocks)), .threads = kThreads, .stream = stream};
}

/// Whether a row fits `Lanes` and `PerLane`: then it is launched.
template <int Lanes, int PerLane>
bool launch_if_fits(std::int64_t rows, const Choosing& how, const Routing& routing,
                    cudaStream_t stream) {
    if (how.top_k > OfRow<Lanes>::kMost || how.experts > Lanes * PerLane) return false;
    const auto row_bytes = static_cast<std::size_t>(how.experts) * sizeof(float);
    launch(in_blocks(ceil_div(rows, kThreads / Lanes), stream),
           rows_are_wide(row_bytes, {how.logits, how.bias}) ? choose<Lanes, PerLane, true>
                                                            : choose<Lanes, PerLane, false>,
           rows, how, routing);
    return true;
}

void launch_best(std::int64_t rows, const Choosing& how, const Routing& routing,
                 cudaStream_t stream) {
    const bool launched = launch_if_fits<4, 16>(rows, how, routing, stream) ||
                          launch_if_fits<4, 32>(rows, how, routing, stream) ||
                          launch_if_fits<8, 16>(rows, how, routing, stream) ||
                          launch_if_fits<8, 32>(rows, how, routing, stream) ||
                          launch_if_fits<16, 32>(rows, how, routing, stream) ||
                          launch_if_fits<32, 32>(rows, how, routing, stream);
    if (launched) return;
    launch(in_blocks(ceil_div(rows, kWarpsOfBlock), stream), choose_any, rows, how, routing);
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
    total = sum_of_lanes(total);
    if (lane == 0) weight[row] = gated ? sigmoid(total) : 1;
}

}  // namespace

void launch_choose(const Matrix& x, const Choosing& choosing, const Routing& routing,
                   cudaStream_t stream) {
    if (x.rows == 0) return;
    launch_best(x.rows, choosing, routing, stream);
    if (choosing.shared_weight == nullptr) return;
    visit_native(
        x.dtype, rows_are_wide(x.row_bytes(), {x.data, choosing.gate}), [&](auto tag, auto lanes) {
            using T = typename decltype(tag)::type;
            constexpr int kLanes = decltype(lanes)::value;
            launch(in_blocks(ceil_div(x.rows, kWarpsOfBlock), stream), weigh_shared<T, kLanes>,
                   x.as<T>(), reinterpret_cast<const T*>(choosing.gate), x.rows, x.cols / kLanes,
                   choosing.live, choosing.shared_weight);
        });
}

}  // namespace moe::cuda
