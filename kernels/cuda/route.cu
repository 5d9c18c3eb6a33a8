// What follows the router's logits. Choosing the best k of E is bound by instructions as much as by
// memory: k rounds over all of a row's logits are some 800 for 10 of 512, where the time that
// memory takes is good for some 500. So nearly all logits are discarded first, rounded to bf16 and
// two in each instruction: the k-th best of the best of groups of them is a bound that at least k
// logits reach and few do. Only those are ranked, as they are, each by counting what is no better.
// Rows on the way to shared memory while the ones before are worked on keep memory busy meanwhile.
// Fewer choices of fewer experts take less still, in choose_few.cu.
#include "kernels/cuda/choose.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/vector.cuh"

namespace moe::cuda {
namespace {

constexpr int kWarpsOfBlock = 4;
constexpr int kThreads = kWarp * kWarpsOfBlock;
/// Of a lane's logits, each with one that is the best.
constexpr int kGroups = 4;
/// Of a lane's logits at most so many, a bit for each.
constexpr int kWord = 32;
/// What registers and shared memory have room for.
constexpr int kMaxBlocksPerSm = 7;
using Pair = __nv_bfloat162;

/// What the lanes of one row tell each other.
template <int Lanes>
struct OfRow {
    /// Choices that the bound is good for.
    static constexpr int kMost = 2 * Lanes;
    /// Logits that are ranked; where more reach the bound, which takes many equal ones, k rounds do
    /// without it.
    static constexpr int kRanked = 58;
    /// With how many others one is compared in a step.
    static constexpr int kUnroll = 4;

    alignas(16) Candidate ranked[kRanked + kUnroll];
    union {
        Pair best[Lanes];         ///< of groups, while the bound is being found
        Candidate chosen[kMost];  ///< after that
    };
};
/// The rows of a warp read their `ranked` together, each from other banks.
template <int Lanes>
constexpr bool kApart = sizeof(OfRow<Lanes>) / 16 % 2 == 1;
static_assert(kApart<8> && kApart<16> && kApart<32>);

/// The logits of a row on their way to shared memory and there: each lane brings its own, a step at
/// a time, and the steps of a warp's lanes lie side by side.
template <int Lanes, int PerLane, bool Wide>
struct Staging {
    /// Neighbours that move together.
    static constexpr int kStep = Wide ? 4 : 1;
    static constexpr int kSteps = PerLane / kStep;
    using Step = Vector<float, kStep>;
    /// Of a warp, for one row of each of its groups of lanes.
    static constexpr int kOfWarp = kSteps * kWarp;

    /// The expert of a lane's i-th logit; those of the step's others follow.
    [[nodiscard]] static __device__ std::uint32_t expert_at(int i, int lane) {
        return static_cast<std::uint32_t>((i / kStep * Lanes + lane) * kStep + i % kStep);
    }
    /// `to`: where the first step of this lane goes.
    static __device__ void fetch(const float* row, std::uint32_t experts, int lane, Step* to) {
        const auto* from = reinterpret_cast<const Step*>(row) + lane;
#pragma unroll
        for (int s = 0; s < kSteps; ++s) {
            if (experts == Lanes * PerLane || expert_at(s * kStep, lane) < experts) {
                copy_async<sizeof(Step)>(to + s * kWarp, from + s * Lanes);
            }
        }
    }
    /// `first`: where the first step of the row's first lane is.
    [[nodiscard]] static __device__ float logit(const Step* first, std::uint32_t expert) {
        const auto step = static_cast<int>(expert) / kStep;
        return first[step / Lanes * kWarp + step % Lanes].at[expert % kStep];
    }
};

/// `Lanes` lanes for each row, each with `PerLane` of its logits.
template <int Lanes, int PerLane, bool Wide>
class Chooser {
public:
    using Shared = OfRow<Lanes>;
    using Staged = Staging<Lanes, PerLane, Wide>;
    using Step = typename Staged::Step;

    /// `staged`: where the first step of this lane is.
    __device__ Chooser(const Logits& logits, const Step* staged, Shared& shared)
        : logits_(logits),
          lane_(static_cast<int>(threadIdx.x) % Lanes),
          staged_(staged),
          shared_(shared) {
        // Without a condition for each where none is needed.
        if (logits.count == Lanes * PerLane) {
            load([](std::uint32_t) { return true; });
        } else {
            load([&](std::uint32_t expert) { return expert < logits_.count; });
        }
    }

    /// The best `top_k` <= kMost into what is chosen, best first; none of a row that is not live.
    /// Calls has_read() when nobody looks at what is staged any more. For all lanes of a warp at
    /// once.
    template <class HasRead>
    __device__ void choose(int top_k, HasRead has_read) {
        const float bound = find_bound(top_k);
        auto reach = logits_.count > 0 ? reaching(bound) : 0;
        const int mine = __popc(reach);
        const int end = warp_inclusive_sum<Lanes>(mine);
        const int count = __shfl_sync(kAllLanes, end, Lanes - 1, Lanes);
        // Without a bound the padding would reach it as well.
        const bool bounded = bound > -INFINITY && count <= Shared::kRanked;
        if (__any_sync(kAllLanes, logits_.count > 0 && !bounded)) {
            has_read();
            choose_in_rounds(top_k);
            return;
        }
        auto* to = shared_.ranked + (end - mine);
#pragma unroll 1
        for (; reach != 0; ++to) {
            const int bit = kWord - 1 - __clz(static_cast<int>(reach));
            reach ^= 1U << bit;
            *to = candidate(0, Staged::expert_at(2 * (bit % 16) + bit / 16, lane_));
        }
        __syncwarp();
        // By all lanes alike, however many of them had any.
#pragma unroll 1
        for (int at = lane_; at < count; at += Lanes) {
            const auto expert = static_cast<std::uint32_t>(expert_of(shared_.ranked[at]));
            const float logit = Staged::logit(staged_ - lane_, expert);
            shared_.ranked[at] = candidate(logits_.key(expert, logit), expert);
        }
        for (int at = lane_; at < Shared::kUnroll; at += Lanes) shared_.ranked[count + at] = 0;
        __syncwarp();
        has_read();
        rank(count, top_k);
    }

private:
    static constexpr int kStep = Staged::kStep;
    static constexpr int kPairs = PerLane / 2;
    static_assert(PerLane <= kWord && PerLane % (2 * kGroups) == 0);

    template <class IsReal>
    __device__ void load(IsReal is_real) {
        float logit[PerLane];
#pragma unroll
        for (int i = 0; i < PerLane; i += kStep) {
            const bool real = is_real(Staged::expert_at(i, lane_));
            Step read{};
            if (real) read = staged_[i / kStep * kWarp];
#pragma unroll
            for (int j = 0; j < kStep; ++j) logit[i + j] = real ? read.at[j] : -INFINITY;
        }
        if (logits_.bias != nullptr) {
            const auto* bias = reinterpret_cast<const Step*>(logits_.bias) + lane_;
#pragma unroll
            for (int i = 0; i < PerLane; i += kStep) {
                if (!is_real(Staged::expert_at(i, lane_))) continue;
                const auto add = bias[i / kStep * Lanes];
#pragma unroll
                for (int j = 0; j < kStep; ++j) logit[i + j] += add.at[j];
            }
        }
#pragma unroll
        for (int p = 0; p < kPairs; ++p) {
            pair_[p] = __floats2bfloat162_rn(logit[2 * p], logit[2 * p + 1]);
        }
    }

    /// At least top_k logits, rounded, are no less, or all: the k-th best among the best logits of
    /// each lane's groups. NaN is less than all here, and reaches any bound.
    [[nodiscard]] __device__ float find_bound(int top_k) const {
        static_assert(kGroups == 4, "two halves of two pairs");
        Pair best[2] = {pair_[0], pair_[kPairs / 2]};
#pragma unroll
        for (int p = 1; p < kPairs / 2; ++p) {
            best[0] = __hmax2(best[0], pair_[p]);
            best[1] = __hmax2(best[1], pair_[kPairs / 2 + p]);
        }
        // The best two of the four: the best, and the best of what lost against another.
        const auto won = __hmax2(best[0], best[1]);
        const auto lost = __hmax2(__hmin2(best[0], best[1]), __hmin2(won, swapped(won)));
        const auto two = __lows2bfloat162(__hmax2(won, swapped(won)), __hmax2(lost, swapped(lost)));
        shared_.best[lane_] = two;
        __syncwarp();
        // How many are no less than each of the two, in two halves.
        const Pair each[2] = {__low2bfloat162(two), __high2bfloat162(two)};
        Pair no_less[2] = {__floats2bfloat162_rn(0, 0), __floats2bfloat162_rn(0, 0)};
#pragma unroll
        for (int i = 0; i < Lanes; ++i) {
            const auto others = shared_.best[i];
#pragma unroll
            for (int e = 0; e < 2; ++e) no_less[e] = __hadd2(no_less[e], __hge2(others, each[e]));
        }
        float bound = -INFINITY;
#pragma unroll
        for (int e = 0; e < 2; ++e) {
            const auto all = __low2float(no_less[e]) + __high2float(no_less[e]);
            if (all >= static_cast<float>(top_k)) bound = fmaxf(bound, __low2float(each[e]));
        }
        return warp_reduce<Lanes>(bound, [](float a, float b) { return fmaxf(a, b); });
    }
    [[nodiscard]] static __device__ Pair swapped(Pair pair) {
        return __lowhigh2highlow(pair);
    }

    /// A bit for each of the lane's logits that is not less than `bound` when rounded: of the p-th
    /// pair, bits p and 16 + p. A NaN is not less.
    [[nodiscard]] __device__ std::uint32_t reaching(float bound) const {
        const auto bounds = __float2bfloat162_rn(bound);
        std::uint32_t less = 0;
        std::uint32_t all = 0;
#pragma unroll
        for (int p = 0; p < kPairs; ++p) {
            const std::uint32_t bits = 0x10001U << p;
            less |= __hlt2_mask(pair_[p], bounds) & bits;
            all |= bits;
        }
        return ~less & all;
    }

    /// Each candidate goes to the place that the number of better ones says.
    __device__ void rank(int count, int top_k) {
#pragma unroll 1
        for (int at = lane_; at < count; at += Lanes) {
            const auto one = shared_.ranked[at];
            int no_better = 0;
            int others = 0;
#pragma unroll 1
            for (; others < count; others += Shared::kUnroll) {
#pragma unroll
                for (int i = 0; i < Shared::kUnroll; ++i) {
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
    Pair pair_[PerLane / 2];
    int lane_;
    const Step* staged_;
    Shared& shared_;
};

/// Blocks stay, and take rows in turns: those of the next turn are on their way while these are
/// ranked.
template <int Lanes, int PerLane, bool Wide>
__global__ void __launch_bounds__(kThreads, kMaxBlocksPerSm)
    choose(std::int64_t rows, Choosing how, Routing routing) {
    using Staged = Staging<Lanes, PerLane, Wide>;
    constexpr std::int64_t kRowsOfBlock = kThreads / Lanes;
    __shared__ OfRow<Lanes> of_block[kRowsOfBlock];
    auto& shared = of_block[threadIdx.x / Lanes];
    const int lane = static_cast<int>(threadIdx.x) % Lanes;
    const int lane_of_warp = static_cast<int>(threadIdx.x) % kWarp;
    auto* staged = dynamic_smem<typename Staged::Step>() + threadIdx.x / kWarp * Staged::kOfWarp +
                   lane_of_warp;
    unsigned live_in_turn = 0;
    const auto fetch = [&](std::int64_t row) {
        if (row >= rows) return;
        live_in_turn = how.live[row];
        Staged::fetch(how.logits + row * how.experts, static_cast<std::uint32_t>(how.experts), lane,
                      staged);
    };
    const auto turn = gridDim.x * kRowsOfBlock;
    auto row = blockIdx.x * kRowsOfBlock + threadIdx.x / Lanes;
    fetch(row);
    // As long as the warp's first row is one.
    for (; row - lane_of_warp / Lanes < rows; row += turn) {
        const bool is_row = row < rows;
        const bool live = is_row && live_in_turn != 0;
        wait_for_copies();
        Chooser<Lanes, PerLane, Wide>({how, row, live}, staged, shared).choose(how.top_k, [&] {
            fetch(row + turn);
        });
        const auto k_of = [](int of, int i) { return i * Lanes + of; };
        weigh<Lanes, OfRow<Lanes>::kMost / Lanes>(
            how, live, logit_of(shared.chosen[0]), k_of,
            [&](int i) { return shared.chosen[k_of(lane, i)]; },
            [&](int i, float weight) {
                if (!is_row) return;
                const int k = k_of(lane, i);
                routing.expert[row * how.top_k + k] = live ? expert_of(shared.chosen[k]) : -1;
                routing.weight[row * how.top_k + k] = weight;
            });
        __syncwarp();
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

/// Whether a row fits `Lanes` and `PerLane`: then it is launched.
template <int Lanes, int PerLane>
bool launch_if_fits(std::int64_t rows, const Choosing& how, const Routing& routing,
                    cudaStream_t stream) {
    if (how.top_k > OfRow<Lanes>::kMost || how.experts > Lanes * PerLane) return false;
    const auto row_bytes = static_cast<std::size_t>(how.experts) * sizeof(float);
    auto how_to = in_blocks(ceil_div(rows, kThreads / Lanes), kThreads, stream);
    how_to.max_blocks_per_sm = kMaxBlocksPerSm;
    how_to.prefer_smem = true;
    how_to.smem_bytes = std::size_t{kThreads} * PerLane * sizeof(float);
    launch(how_to,
           rows_are_wide(row_bytes, {how.logits, how.bias}) ? choose<Lanes, PerLane, true>
                                                            : choose<Lanes, PerLane, false>,
           rows, how, routing);
    return true;
}

void launch_best(std::int64_t rows, const Choosing& how, const Routing& routing,
                 cudaStream_t stream) {
    const bool launched = launch_choose_few(rows, how, routing, stream) ||
                          launch_if_fits<8, 32>(rows, how, routing, stream) ||
                          launch_if_fits<16, 32>(rows, how, routing, stream) ||
                          launch_if_fits<32, 32>(rows, how, routing, stream);
    if (launched) return;
    launch(in_blocks(ceil_div(rows, kWarpsOfBlock), kThreads, stream), choose_any, rows, how,
           routing);
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
    total = warp_sum(total);
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
            launch(in_blocks(ceil_div(x.rows, kWarpsOfBlock), kThreads, stream),
                   weigh_shared<T, kLanes>, x.as<T>(), reinterpret_cast<const T*>(choosing.gate),
                   x.rows, x.cols / kLanes, choosing.live, choosing.shared_weight);
        });
}

}  // namespace moe::cuda
