// The best 8 or fewer of 128 experts or fewer: two lanes for each row. What a warp does it does for
// 16 rows at once then, some 60 instructions a row, half of which a GPU issues every second cycle,
// and memory is what takes the time. A row lies in shared memory meanwhile, so that its lanes can
// look at it again.
//
// The eighth of the best of 16 groups of logits is a bound that at least 8 logits reach, and of 128
// about 10 do. Those are sorted, as 32 bits each, the last of which say which of them it is. Where
// that leaves two alike, or far more reach the bound, k rounds look for the best that is left.
#include "kernels/cuda/choose.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/vector.cuh"

namespace moe::cuda {
namespace {

constexpr unsigned kThreads = 2 * kWarp;
constexpr unsigned kLanes = 2;  ///< of a row
constexpr unsigned kRowsOfWarp = kWarp / kLanes;
/// Choices, and those that a lane writes.
constexpr int kMost = 8;
constexpr int kMine = kMost / kLanes;
/// Logits that a lane reads at once, and those that it has a word for, a bit for each. The second
/// lane begins with the second half of each such chunk, so that both read from different banks.
constexpr unsigned kStep = 4;
constexpr unsigned kChunk = 32;
constexpr unsigned kHalf = kChunk / 2;
/// Logits that reach the bound: those that are sorted, as mostly all of them are, and those that
/// there is room for.
constexpr int kSorted = kLanes * kMost;
constexpr int kListed = 32;

/// How a row can be read: every chunk whole and without a bias, in steps, or one by one.
enum class Form { plain, wide, narrow };

/// Experts of a row that reach the bound; of neighbouring rows in different banks.
struct List {
    std::uint8_t expert[kListed + 4];
};

__device__ float larger(float a, float b) {
    return fmaxf(a, b);
}
__device__ float smaller(float a, float b) {
    return fminf(a, b);
}
__device__ std::uint32_t larger(std::uint32_t a, std::uint32_t b) {
    return max(a, b);
}
__device__ std::uint32_t smaller(std::uint32_t a, std::uint32_t b) {
    return min(a, b);
}
template <class T>
__device__ void compare_exchange(T& a, T& b) {
    const auto first = larger(a, b);
    b = smaller(a, b);
    a = first;
}
/// Largest first: Batcher's odd-even merge sort, 19 comparisons.
template <class T>
__device__ void sort(T (&value)[kMost]) {
#pragma unroll
    for (int size = 1; size < kMost; size *= 2) {
#pragma unroll
        for (int step = size; step > 0; step /= 2) {
#pragma unroll
            for (int i = step % size; i + step < kMost; ++i) {
                const bool first = (i - step % size) / step % 2 == 0;
                const bool together = i / (2 * size) == (i + step) / (2 * size);
                if (first && together) compare_exchange(value[i], value[i + step]);
            }
        }
    }
}
/// The best kMost of two lanes' values, each sorted: falling and then rising, or the other way
/// round. By all lanes of a warp at once.
template <class T>
struct Split {
    T best[kMost];
    T rest[kMost];

    __device__ explicit Split(const T (&mine)[kMost]) {
#pragma unroll
        for (int i = 0; i < kMost; ++i) {
            const auto other = __shfl_xor_sync(kAllLanes, mine[kMost - 1 - i], 1);
            best[i] = larger(mine[i], other);
            rest[i] = smaller(mine[i], other);
        }
    }
    __device__ void sort_best() {
#pragma unroll
        for (int step = kMost / 2; step > 0; step /= 2) {
#pragma unroll
            for (int i = 0; i < kMost; ++i) {
                if (i / step % 2 == 0) compare_exchange(best[i], best[(i + step) % kMost]);
            }
        }
    }
};

/// What a lane knows of its row, of whose logits it has at most `Chunks`.
template <unsigned Chunks, Form Read>
class FewChooser {
public:
    static constexpr unsigned kExperts = kLanes * Chunks * kChunk;

    /// `staged`: the row's logits, and `bias` null or as many. `live`: it is a row with choices.
    __device__ FewChooser(const float* staged, const float* bias, unsigned experts, bool live,
                          List& list)
        : staged_(staged), bias_(bias), experts_(experts), live_(live), list_(list) {}

    /// The best `top_k`, best first, if the row is live: `mine` are kMine of them in each lane. For
    /// all lanes of a warp at once.
    __device__ void choose(int top_k, Candidate (&mine)[kMine]) {
        const float bound = find_bound();
        std::uint32_t reach[Chunks];
        find_reaching(bound, reach);
        int own = 0;
#pragma unroll
        for (const auto bits : reach) own += __popc(bits);
        const int others = __shfl_xor_sync(kAllLanes, own, 1);
        const int count = own + others;
        // Without a bound the padding would reach it as well.
        const bool bounded = bound > -INFINITY && count <= kListed;
        if (bounded) list(reach, lane() == 0 ? 0 : others);
        __syncwarp();
        const bool sorted = sort_listed(bounded ? count : 0, mine);
        if (!live_ || sorted) return;
        const auto* listed = bounded ? list_.expert : nullptr;
        auto last = kBetterThanAll;
#pragma unroll 1
        for (int k = 0; k < top_k; ++k) {
            last = best_below(last, listed, bounded ? count : static_cast<int>(experts_));
#pragma unroll
            for (int i = 0; i < kMine; ++i) {
                if (k == static_cast<int>(lane()) * kMine + i) mine[i] = last;
            }
        }
    }

private:
    static constexpr unsigned kSteps = kChunk / kStep;
    using Step = Vector<float, kStep>;

    [[nodiscard]] static __device__ unsigned lane() {
        return threadIdx.x % kLanes;
    }
    /// The expert of the i-th logit of a chunk.
    [[nodiscard]] static __device__ unsigned expert_at(unsigned chunk, unsigned i) {
        return (lane() * Chunks + chunk) * kChunk | (i ^ lane() * kHalf);
    }
    [[nodiscard]] __device__ float biased_logit(unsigned expert) const {
        return biased(staged_[expert], Read == Form::plain ? nullptr : bias_, expert);
    }
    [[nodiscard]] __device__ std::uint32_t key_of(unsigned expert) const {
        return ordered(biased_logit(expert));
    }

    /// A step of a lane's logits, -inf where no expert is.
    [[nodiscard]] __device__ Step read(unsigned chunk, unsigned step) const {
        // Steps of one half follow each other, for which an access takes no instruction more.
        constexpr auto kOfHalf = kHalf / kStep;
        const auto first = expert_at(chunk, step / kOfHalf * kHalf) + step % kOfHalf * kStep;
        if constexpr (Read == Form::plain) {
            return reinterpret_cast<const Step&>(staged_[first]);
        } else {
            Step logits;
            if constexpr (Read == Form::wide) {
                if (first < experts_) {
                    logits = reinterpret_cast<const Step&>(staged_[first]);
                    if (bias_ != nullptr) {
                        const auto bias = reinterpret_cast<const Step&>(bias_[first]);
#pragma unroll
                        for (unsigned j = 0; j < kStep; ++j) logits.at[j] += bias.at[j];
                    }
                }
            }
#pragma unroll
            for (unsigned j = 0; j < kStep; ++j) {
                if (first + j >= experts_) {
                    logits.at[j] = -INFINITY;
                } else if (Read == Form::narrow) {
                    logits.at[j] = biased_logit(first + j);
                }
            }
            return logits;
        }
    }

    /// At least kMost logits are no less, or all. Of neighbouring experts each is in another group.
    /// NaN is less than all here, and reaches any bound.
    [[nodiscard]] __device__ float find_bound() const {
        float group[kMost];
#pragma unroll
        for (unsigned chunk = 0; chunk < Chunks; ++chunk) {
#pragma unroll
            for (unsigned step = 0; step < kSteps; ++step) {
                const auto logits = read(chunk, step);
#pragma unroll
                for (unsigned j = 0; j < kStep; ++j) {
                    const auto i = step * kStep + j;
                    auto& best = group[i % kMost];
                    best = chunk == 0 && i < kMost ? logits.at[j] : larger(best, logits.at[j]);
                }
            }
        }
        sort(group);
        Split<float> split(group);
        auto bound = split.best[0];
#pragma unroll
        for (int i = 1; i < kMost; ++i) bound = smaller(bound, split.best[i]);
        // Either zero less -0 is 0, and so is not less.
        return bound == 0 ? -0.0F : bound;
    }

    /// For each logit of a chunk, the first one in the highest bit: whether it is not less than
    /// `bound`. A NaN is not less.
    __device__ void find_reaching(float bound, std::uint32_t (&reach)[Chunks]) const {
#pragma unroll
        for (unsigned chunk = 0; chunk < Chunks; ++chunk) {
            std::uint32_t less = 0;
#pragma unroll
            for (unsigned step = 0; step < kSteps; ++step) {
                for (const float logit : read(chunk, step).at) {
                    // By the sign of the difference, which another unit computes.
                    less = __funnelshift_l(__float_as_uint(logit - bound), less, 1);
                }
            }
            reach[chunk] = live_ ? ~less : 0;
        }
    }

    /// The experts of `reach` from the `first` place of the list on; those of the chunks side by
    /// side.
    __device__ void list(std::uint32_t (&reach)[Chunks], int first) {
        std::uint8_t* to[Chunks];
        std::uint32_t any = 0;
#pragma unroll
        for (unsigned chunk = 0; chunk < Chunks; ++chunk) {
            to[chunk] = list_.expert + first;
            first += __popc(reach[chunk]);
            any |= reach[chunk];
        }
#pragma unroll 1
        while (any != 0) {
            any = 0;
#pragma unroll
            for (unsigned chunk = 0; chunk < Chunks; ++chunk) {
                auto& bits = reach[chunk];
                const auto i = static_cast<unsigned>(__clz(static_cast<int>(bits))) % kChunk;
                if (bits != 0) *to[chunk] = static_cast<std::uint8_t>(expert_at(chunk, i));
                to[chunk] += bits != 0 ? 1 : 0;
                bits &= 0x7fffffffU >> i;  // none were above
                any |= bits;
            }
        }
    }

    /// Whether it could tell the best of the `count` listed, and the next one, apart: then `mine`
    /// has them.
    __device__ bool sort_listed(int count, Candidate (&mine)[kMine]) const {
        // Last bits: the place in the list, counted from its end.
        constexpr std::uint32_t kPlaces = kListed - 1;
        const auto short_key = [&](int at) {
            const auto key = key_of(at < count ? list_.expert[at] : 0);
            return at < count ? (key & ~kPlaces) | (kPlaces - static_cast<unsigned>(at)) : 0;
        };
        std::uint32_t key[kMost];
#pragma unroll
        for (int i = 0; i < kMost; ++i) key[i] = short_key(static_cast<int>(lane()) * kMost + i);
        sort(key);
        Split<std::uint32_t> split(key);
        split.sort_best();
        auto& best = split.best;
        auto next = split.rest[0];
#pragma unroll
        for (int i = 1; i < kMost; ++i) next = larger(next, split.rest[i]);
#pragma unroll 1
        for (int at = kSorted; at < count; ++at) {
            auto one = short_key(at);
#pragma unroll
            for (auto& other : best) compare_exchange(other, one);
            next = larger(next, one);
        }
        auto differ = best[kMost - 1] ^ next;
#pragma unroll
        for (int i = 1; i < kMost; ++i) differ = smaller(differ, best[i - 1] ^ best[i]);
        if (differ <= kPlaces) return false;
#pragma unroll
        for (int i = 0; i < kMine; ++i) {
            const auto place = kPlaces - (lane() == 0 ? best[i] : best[kMine + i]) % kListed;
            const unsigned expert = list_.expert[place];
            mine[i] = candidate(key_of(expert), expert);
        }
        return true;
    }
    /// Of `count` experts, the first ones where there is no list, the best that is worse than
    /// `last`.
    [[nodiscard]] __device__ Candidate best_below(Candidate last, const std::uint8_t* listed,
                                                  int count) const {
        Candidate best = 0;
#pragma unroll 1
        for (int i = 0; i < count; ++i) {
            const unsigned expert = listed == nullptr ? static_cast<unsigned>(i) : listed[i];
            const auto one = candidate(key_of(expert), expert);
            if (one < last) best = max(best, one);
        }
        return best;
    }

    const float* staged_;
    const float* bias_;
    unsigned experts_;
    bool live_;
    List& list_;
};

/// Floats from one row in shared memory to the next: lanes that read together read from different
/// banks.
template <unsigned Chunks, Form Read>
__host__ __device__ constexpr unsigned apart(unsigned experts) {
    constexpr unsigned kEven = 2 * kStep;
    if (Read == Form::plain) experts = FewChooser<Chunks, Read>::kExperts;
    return (experts + kEven - 1) / kEven * kEven + kStep;
}

/// Up to kRowsOfWarp rows to shared memory, by one warp.
template <unsigned Chunks, Form Read>
__device__ void stage(const float* from, unsigned rows, unsigned experts, float* to) {
    constexpr unsigned kPiece = Read == Form::narrow ? 1 : kStep;
    const unsigned first = threadIdx.x % kWarp * kPiece;
    if constexpr (Read == Form::plain) experts = FewChooser<Chunks, Read>::kExperts;
    for (unsigned i = first; i < experts; i += kWarp * kPiece) {
        const auto bring = [&](unsigned row) {
            copy_async<kPiece * sizeof(float)>(
                to + i, from + row * experts + i,
                row * apart<Chunks, Read>(experts) * unsigned{sizeof(float)});
        };
        // Without a condition for each where none is needed.
        if (rows == kRowsOfWarp) {
#pragma unroll
            for (unsigned row = 0; row < kRowsOfWarp; ++row) bring(row);
        } else {
            for (unsigned row = 0; row < rows; ++row) bring(row);
        }
    }
    wait_for_copies();
    __syncwarp();
}

/// `value` to where `to` points, kMine at once where choices are so many and lie so, and no more
/// than `count`.
template <class T>
__device__ void write(const Vector<T, kMine>& value, T* to, int count, bool at_once) {
    if (at_once && count >= kMine) {
        reinterpret_cast<Vector<T, kMine>&>(*to) = value;
        return;
    }
#pragma unroll
    for (int i = 0; i < kMine; ++i) {
        if (i < count) to[i] = value.at[i];
    }
}

/// A warp for each kRowsOfWarp rows: while it waits for them, others have theirs.
template <unsigned Chunks, Form Read>
__global__ void __launch_bounds__(kThreads)
    choose_few(unsigned rows, Choosing how, Routing routing, bool at_once) {
    __shared__ List lists[kThreads / kLanes];
    const auto experts = static_cast<unsigned>(how.experts);
    const auto row_of_warp = threadIdx.x % kWarp / kLanes;
    const auto lane = threadIdx.x % kLanes;
    const auto row_floats = apart<Chunks, Read>(experts);
    const auto first = (blockIdx.x * kThreads + threadIdx.x) / kWarp * kRowsOfWarp;
    if (first >= rows) return;
    const auto row = first + row_of_warp;
    // Looked at later, so that copies do not wait for it.
    const unsigned live = row < rows ? how.live[row] : 0;
    auto* staged = dynamic_smem<float>() + threadIdx.x / kWarp * kRowsOfWarp * row_floats;
    stage<Chunks, Read>(how.logits + std::size_t{first} * experts, min(rows - first, kRowsOfWarp),
                        experts, staged);
    Candidate mine[kMine] = {};
    FewChooser<Chunks, Read>(staged + row_of_warp * row_floats, how.bias, experts, live != 0,
                             lists[threadIdx.x / kLanes])
        .choose(how.top_k, mine);
    Vector<std::int32_t, kMine> expert;
    Vector<float, kMine> weight;
    const auto best = __shfl_sync(kAllLanes, logit_of(mine[0]), 0, kLanes);
    weigh<kLanes, kMine>(
        how, live != 0, best, [](int of, int i) { return of * kMine + i; },
        [&](int i) { return mine[i]; },
        [&](int i, float one) {
            expert.at[i] = live != 0 ? expert_of(mine[i]) : -1;
            weight.at[i] = one;
        });
    if (row >= rows) return;
    const auto at = std::size_t{row} * static_cast<unsigned>(how.top_k) + lane * kMine;
    const int count = how.top_k - static_cast<int>(lane) * kMine;
    write(expert, routing.expert + at, count, at_once);
    write(weight, routing.weight + at, count, at_once);
}

template <unsigned Chunks, Form Read>
void launch_as(std::int64_t rows, const Choosing& how, const Routing& routing,
               cudaStream_t stream) {
    constexpr auto kRowsOfBlock = kThreads / kLanes;
    auto how_to = in_blocks(ceil_div(rows, kRowsOfBlock), kThreads, stream);
    how_to.smem_bytes =
        kRowsOfBlock * sizeof(float) * apart<Chunks, Read>(static_cast<unsigned>(how.experts));
    how_to.prefer_smem = true;
    const bool at_once = how.top_k % kMine == 0 && is_vector_aligned(routing.expert) &&
                         is_vector_aligned(routing.weight);
    launch(how_to, choose_few<Chunks, Read>, static_cast<unsigned>(rows), how, routing, at_once);
}

template <unsigned Chunks>
bool launch_if_fits(std::int64_t rows, const Choosing& how, const Routing& routing,
                    cudaStream_t stream) {
    constexpr auto kExperts = FewChooser<Chunks, Form::wide>::kExperts;
    if (how.experts > kExperts) return false;
    const auto row_bytes = static_cast<std::size_t>(how.experts) * sizeof(float);
    if (!rows_are_wide(row_bytes, {how.logits, how.bias})) {
        launch_as<Chunks, Form::narrow>(rows, how, routing, stream);
    } else if (how.experts < kExperts || how.bias != nullptr) {
        launch_as<Chunks, Form::wide>(rows, how, routing, stream);
    } else {
        launch_as<Chunks, Form::plain>(rows, how, routing, stream);
    }
    return true;
}

}  // namespace

bool launch_choose_few(std::int64_t rows, const Choosing& how, const Routing& routing,
                       cudaStream_t stream) {
    if (how.top_k > kMost) return false;
    return launch_if_fits<1>(rows, how, routing, stream) ||
           launch_if_fits<2>(rows, how, routing, stream);
}

}  // namespace moe::cuda
