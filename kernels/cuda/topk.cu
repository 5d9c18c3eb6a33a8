// Chooses the best k of each row's experts. That is bound by instructions as much as by memory: k
// rounds over all logits of a row take some 800 for 10 of 512, while reading them takes the time of
// 500. So most logits are discarded first, rounded to bf16 and two in each instruction. The k-th
// best among the maxima of groups of logits is a bound that at least k logits reach and few do;
// only those are ranked, unrounded, each by counting the better ones. The next row is on its way to
// shared memory meanwhile.
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/scoring.cuh"
#include "kernels/cuda/topk.hpp"
#include "kernels/cuda/topk_key.cuh"
#include "kernels/cuda/vector.cuh"
#include "kernels/cuda/warp.cuh"

#include <cuda_pipeline_primitives.h>
#include <cub/warp/warp_scan.cuh>

namespace moe::cuda {
namespace {

constexpr int kWarpsPerBlock = 4;
constexpr int kThreads = kWarp * kWarpsPerBlock;
/// Registers and shared memory have room for so many.
constexpr int kMaxBlocksPerSm = 7;
/// Logits that a lane copies at once, to its own column of shared memory.
constexpr int kStep = 4;
using Step = Vector<float, kStep>;
using Pair = __nv_bfloat162;

__device__ float biased(const TopKParams& params, float logit, std::uint32_t expert) {
    return logit + (params.bias == nullptr ? 0.0F : params.bias[expert]);
}

/// The best key of a row below `last`, by `Lanes` lanes, which all get it; 0 where there is none.
template <int Lanes>
__device__ TopKKey best_below(const TopKParams& params, std::int64_t row, TopKKey last) {
    const auto* logits = params.logits + row * params.experts;
    TopKKey best = 0;
    for (auto e = threadIdx.x % Lanes; e < params.experts; e += Lanes) {
        const auto key = make_key(biased(params, logits[e], e), e);
        if (key < last) best = max(best, key);
    }
    return warp_reduce<Lanes>(best, [](TopKKey a, TopKKey b) { return max(a, b); });
}

/// What the lanes of one row tell each other.
template <int Lanes>
struct RowSmem {
    /// Pairs of groups of each lane. Few lanes need more groups for a bound as good.
    static constexpr int kGroupPairs = Lanes < 8 ? 2 : 1;
    static constexpr int kMaxTopK = 2 * Lanes;
    /// Logits that may reach the bound; with more, which takes many equal ones, k rounds decide.
    static constexpr int kMaxRanked = Lanes < 8 ? 38 : 62;

    alignas(16) TopKKey ranked[kMaxRanked];
    union {
        Pair maxima[Lanes * kGroupPairs];  ///< of groups, while the bound is being found
        TopKKey chosen[kMaxTopK];          ///< after that, best first
    };
};
/// Rows of a warp read the same place of `ranked` together, from different banks.
template <int Lanes>
constexpr bool kNoBankConflicts = sizeof(RowSmem<Lanes>) / 16 % 2 == 1;
static_assert(kNoBankConflicts<4> && kNoBankConflicts<8> && kNoBankConflicts<16> &&
              kNoBankConflicts<32>);

/// One of the `Lanes` lanes of a row, with `PerLane` of its logits. All lanes of a warp call each
/// function together.
template <int Lanes, int PerLane>
class TopK {
public:
    static constexpr int kTooMany = -1;

    /// `staged`: where this lane's logits go, in steps of kThreads.
    __device__ TopK(const TopKParams& params, Step* staged, RowSmem<Lanes>& smem)
        : params_(params),
          lane_(static_cast<int>(threadIdx.x) % Lanes),
          real_steps_((static_cast<int>(params.experts) / kStep - lane_ + Lanes - 1) / Lanes),
          staged_(staged),
          smem_(smem) {
        // What is behind the last expert is never copied.
        for (int s = real_steps_; s < kSteps; ++s) {
            staged_[s * kThreads] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
        }
    }

    /// Starts to copy a row to shared memory.
    __device__ void fetch(std::int64_t row) const {
        const auto* from = params_.logits + row * params_.experts;
#pragma unroll
        for (int s = 0; s < kSteps; ++s) {
            if (s >= real_steps_) break;
            __pipeline_memcpy_async(staged_ + s * kThreads, from + expert_at(s * kStep),
                                    sizeof(Step));
        }
        __pipeline_commit();
    }

    /// Lists the keys of the fetched row that are worth ranking, none of a row that is not `valid`.
    /// Returns how many there are; kTooMany for all rows of the warp where they are for one.
    __device__ int collect(bool valid) const {
        Pair pairs[kPairs];
        read_rounded(pairs);
        const float bound = find_bound(pairs);
        auto reach = valid ? reaching(pairs, bound) : 0;
        int first = 0;
        int count = 0;
        typename Scan::TempStorage scan;  // shuffles need none
        Scan(scan).ExclusiveSum(__popc(reach), first, count);
        // Without a bound even padding would reach it.
        const bool ranks = bound > -INFINITY && count <= RowSmem<Lanes>::kMaxRanked;
        if (__any_sync(kAllLanes, valid && !ranks)) return kTooMany;
#pragma unroll 1
        for (auto* to = smem_.ranked + first; reach != 0; ++to) {
            const int bit = __ffs(static_cast<int>(reach)) - 1;
            reach &= reach - 1;
            const int i = 2 * (bit % 16) + bit / 16;
            const auto expert = expert_at(i);
            const float logit = staged_[i / kStep * kThreads].at[i % kStep];
            *to = make_key(biased(params_, logit, expert), expert);
        }
        return count;
    }

    /// Puts each of `count` listed keys where the number of better ones says.
    __device__ void rank(int count) const {
        __syncwarp();
#pragma unroll 1
        for (int i = lane_; i < count; i += Lanes) {
            const auto key = smem_.ranked[i];
            int better = 0;
#pragma unroll 4
            for (int j = 0; j < count; ++j) better += smem_.ranked[j] > key ? 1 : 0;
            if (better < params_.top_k) smem_.chosen[better] = key;
        }
        __syncwarp();
    }
    /// Does the same from all logits of the row.
    __device__ void rank_in_rounds(std::int64_t row) const {
        __syncwarp();
        auto last = kMaxKey;
#pragma unroll 1
        for (int k = 0; k < params_.top_k; ++k) {
            last = best_below<Lanes>(params_, row, last);
            if (lane_ == 0) smem_.chosen[k] = last;
        }
        __syncwarp();
    }

    /// Scores, renormalises and writes what was chosen; nothing where not `writes`.
    __device__ void store(std::int64_t row, bool valid, bool writes, const Routing& routing) const {
        constexpr int kEach = RowSmem<Lanes>::kMaxTopK / Lanes;
        const auto best = logit_of(smem_.chosen[0]);
        float points[kEach] = {};
        float sum = 0;
#pragma unroll
        for (int i = 0; i < kEach; ++i) {
            const int k = i * Lanes + lane_;
            if (valid && k < params_.top_k) {
                points[i] = score(logit_of(smem_.chosen[k]), best, params_.scoring);
            }
            sum += points[i];
        }
        sum = warp_sum<Lanes>(sum);
        const float scale = valid ? 1.0F / sum : 0;
#pragma unroll
        for (int i = 0; i < kEach; ++i) {
            const int k = i * Lanes + lane_;
            if (!writes || k >= params_.top_k) break;
            const auto at = row * params_.top_k + k;
            routing.expert[at] = valid ? expert_of(smem_.chosen[k]) : -1;
            routing.weight[at] = points[i] * scale;
        }
        __syncwarp();
    }

private:
    static constexpr int kSteps = PerLane / kStep;
    static constexpr int kPairs = PerLane / 2;
    static constexpr int kGroupPairs = RowSmem<Lanes>::kGroupPairs;
    static_assert(PerLane % kStep == 0 && PerLane <= 32, "a bit for each logit of a lane");
    using Scan = cub::WarpScan<int, Lanes>;

    /// The expert of the lane's i-th logit.
    [[nodiscard]] __device__ std::uint32_t expert_at(int i) const {
        return static_cast<std::uint32_t>((i / kStep * Lanes + lane_) * kStep + i % kStep);
    }

    __device__ void read_rounded(Pair (&pairs)[kPairs]) const {
#pragma unroll
        for (int s = 0; s < kSteps; ++s) {
            auto logits = staged_[s * kThreads];
            if (params_.bias != nullptr && s < real_steps_) {
                const auto bias = reinterpret_cast<const Step&>(params_.bias[expert_at(s * kStep)]);
#pragma unroll
                for (int j = 0; j < kStep; ++j) logits.at[j] += bias.at[j];
            }
            pairs[2 * s] = __floats2bfloat162_rn(logits.at[0], logits.at[1]);
            pairs[2 * s + 1] = __floats2bfloat162_rn(logits.at[2], logits.at[3]);
        }
    }

    /// At least top_k rounded logits are no less, or it is -inf. NaN is less than all here, and
    /// reaches any bound.
    [[nodiscard]] __device__ float find_bound(const Pair (&pairs)[kPairs]) const {
        Pair own[kGroupPairs];
#pragma unroll
        for (int p = 0; p < kPairs; ++p) {
            auto& maxima = own[p % kGroupPairs];
            maxima = p < kGroupPairs ? pairs[p] : __hmax2(maxima, pairs[p]);
        }
#pragma unroll
        for (int m = 0; m < kGroupPairs; ++m) smem_.maxima[lane_ * kGroupPairs + m] = own[m];
        __syncwarp();
        // How many of all groups' maxima are no less than each own one, in two halves.
        Pair no_less[2 * kGroupPairs];
#pragma unroll
        for (auto& count : no_less) count = __floats2bfloat162_rn(0, 0);
#pragma unroll 8
        for (const Pair& maxima : smem_.maxima) {
#pragma unroll
            for (int m = 0; m < kGroupPairs; ++m) {
                const auto low = __low2bfloat162(own[m]);
                const auto high = __high2bfloat162(own[m]);
                no_less[2 * m] = __hadd2(no_less[2 * m], __hge2(maxima, low));
                no_less[2 * m + 1] = __hadd2(no_less[2 * m + 1], __hge2(maxima, high));
            }
        }
        float bound = -INFINITY;
#pragma unroll
        for (int h = 0; h < 2 * kGroupPairs; ++h) {
            const auto count = __low2float(no_less[h]) + __high2float(no_less[h]);
            const auto one = h % 2 == 0 ? __low2float(own[h / 2]) : __high2float(own[h / 2]);
            if (count >= static_cast<float>(params_.top_k)) bound = fmaxf(bound, one);
        }
        return warp_reduce<Lanes>(bound, [](float a, float b) { return fmaxf(a, b); });
    }

    /// A bit for each of the lane's logits that is not less than `bound`, as a NaN is not: of the
    /// p-th pair, bits p and 16 + p.
    [[nodiscard]] static __device__ std::uint32_t reaching(const Pair (&pairs)[kPairs],
                                                           float bound) {
        const auto bounds = __float2bfloat162_rn(bound);
        std::uint32_t reach = 0;
#pragma unroll
        for (int p = 0; p < kPairs; ++p) {
            reach |= ~__hlt2_mask(pairs[p], bounds) & (0x10001U << p);
        }
        return reach;
    }

    const TopKParams& params_;
    int lane_;
    int real_steps_;  ///< of the lane
    Step* staged_;
    RowSmem<Lanes>& smem_;
};

/// Blocks stay, and take rows in turns. `rows` times top_k fit into 32 bits, as indices of rows do.
template <int Lanes, int PerLane>
__global__ void __launch_bounds__(kThreads, kMaxBlocksPerSm)
    topk_kernel(int rows, const __grid_constant__ TopKParams params, Routing routing) {
    constexpr int kRowsPerWarp = kWarp / Lanes;
    __shared__ RowSmem<Lanes> smem[kThreads / Lanes];
    using RowTopK = TopK<Lanes, PerLane>;
    const RowTopK topk(params, dynamic_smem<Step>() + threadIdx.x, smem[threadIdx.x / Lanes]);
    const auto warp = static_cast<int>(blockIdx.x * kWarpsPerBlock + threadIdx.x / kWarp);
    const int stride = static_cast<int>(gridDim.x) * kWarpsPerBlock * kRowsPerWarp;
    const int row_of_warp = static_cast<int>(threadIdx.x) % kWarp / Lanes;
    bool next_valid = false;
    // Lanes behind the last row repeat it, and write nothing.
    const auto fetch = [&](int first) {
        if (first >= rows) return;
        const int row = min(first + row_of_warp, rows - 1);
        next_valid = params.valid[row] != 0;
        topk.fetch(row);
    };
    int first = warp * kRowsPerWarp;
    fetch(first);
    for (; first < rows; first += stride) {
        const bool valid = next_valid;
        __pipeline_wait_prior(0);
        const int count = topk.collect(valid);
        fetch(first + stride);
        const int row = min(first + row_of_warp, rows - 1);
        if (count == RowTopK::kTooMany) {
            topk.rank_in_rounds(row);
        } else {
            topk.rank(count);
        }
        topk.store(row, valid, first + row_of_warp < rows, routing);
    }
}

/// For any number of experts and choices: a warp for each row, which reads its logits k times.
__global__ void __launch_bounds__(kThreads)
    topk_any_kernel(std::int64_t rows, TopKParams params, Routing routing) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const auto row = blockIdx.x * std::int64_t{kWarpsPerBlock} + threadIdx.x / kWarp;
    if (row >= rows) return;
    auto* experts = routing.expert + row * params.top_k;
    auto* weights = routing.weight + row * params.top_k;
    const bool valid = params.valid[row] != 0;
    auto last = kMaxKey;
    float best = 0;
    float sum = 0;
    for (int k = 0; k < params.top_k; ++k) {
        if (valid) last = best_below<kWarp>(params, row, last);
        if (k == 0) best = logit_of(last);
        const float points = valid ? score(logit_of(last), best, params.scoring) : 0;
        sum += points;
        if (lane == k % kWarp) {
            experts[k] = valid ? expert_of(last) : -1;
            weights[k] = points;
        }
    }
    if (!valid) return;
    for (int k = lane; k < params.top_k; k += kWarp) weights[k] /= sum;
}

/// Whether `Lanes` lanes with `PerLane` logits each can do it; then it is launched.
template <int Lanes, int PerLane>
bool launch_if_fits(std::int64_t rows, const TopKParams& params, const Routing& routing,
                    cudaStream_t stream) {
    if (params.top_k > RowSmem<Lanes>::kMaxTopK || params.experts > Lanes * PerLane) return false;
    auto config = in_blocks(ceil_div(rows, kThreads / Lanes), kThreads, stream);
    config.max_blocks_per_sm = kMaxBlocksPerSm;
    config.prefer_smem = true;
    config.smem_bytes = std::size_t{kThreads} * PerLane * sizeof(float);
    launch(config, topk_kernel<Lanes, PerLane>, static_cast<int>(rows), params, routing);
    return true;
}

}  // namespace

void launch_topk(std::int64_t rows, const TopKParams& params, const Routing& routing,
                 cudaStream_t stream) {
    if (rows == 0) return;
    const auto row_bytes = static_cast<std::size_t>(params.experts) * sizeof(float);
    const bool launched = rows_are_wide(row_bytes, {params.logits, params.bias}) &&
                          (launch_if_fits<4, 16>(rows, params, routing, stream) ||
                           launch_if_fits<4, 32>(rows, params, routing, stream) ||
                           launch_if_fits<8, 32>(rows, params, routing, stream) ||
                           launch_if_fits<16, 32>(rows, params, routing, stream) ||
                           launch_if_fits<32, 32>(rows, params, routing, stream));
    if (launched) return;
    launch(in_blocks(ceil_div(rows, kWarpsPerBlock), kThreads, stream), topk_any_kernel, rows,
           params, routing);
}

}  // namespace moe::cuda
