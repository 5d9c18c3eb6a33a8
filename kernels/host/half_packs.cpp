#include "kernels/host/half_packs.hpp"

#include <immintrin.h>

#include <array>
#include <numeric>

namespace moe::packs {
namespace {

constexpr std::int64_t kPack = 8;

__m256 load(const Float16* from) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
void store(__m256 values, Float16* to) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                     _mm256_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT));
}

/// `start` + rows[0][i] + ..., for a pack of i.
__m256 sum_of(__m256 start, std::span<const Float16* const> rows, std::int64_t i) {
    for (const auto* row : rows) start = start + load(row + i);
    return start;
}

/// step(i) for the first value of each whole pack. Returns how many values they are.
template <class Step>
std::int64_t for_each_pack(std::int64_t count, Step step) {
    std::int64_t i = 0;
    for (; i + kPack <= count; i += kPack) step(i);
    return i;
}

}  // namespace

std::int64_t widen(const Float16* from, float* to, std::int64_t count) {
    return for_each_pack(count, [=](auto i) { _mm256_storeu_ps(to + i, load(from + i)); });
}

std::int64_t round_to(const float* from, Float16* to, std::int64_t count) {
    return for_each_pack(count, [=](auto i) { store(_mm256_loadu_ps(from + i), to + i); });
}

std::int64_t add_into(const Float16* from, Float16* to, std::int64_t count) {
    return for_each_pack(count, [=](auto i) { store(load(from + i) + load(to + i), to + i); });
}

std::int64_t sum_rows(std::span<const Float16* const> rows, Float16* to, std::int64_t count) {
    return for_each_pack(count,
                         [=](auto i) { store(sum_of(_mm256_setzero_ps(), rows, i), to + i); });
}

std::int64_t add_rows(std::span<const Float16* const> rows, float* sum, std::int64_t count) {
    return for_each_pack(count, [=](auto i) {
        _mm256_storeu_ps(sum + i, sum_of(_mm256_loadu_ps(sum + i), rows, i));
    });
}

std::int64_t add_and_square(const Float16* x, const Float16* r, Float16* to, std::int64_t count,
                            float& squares) {
    auto of_lanes = _mm256_setzero_ps();
    const auto done = for_each_pack(count, [&](auto i) {
        const auto sum = load(x + i) + load(r + i);
        of_lanes = of_lanes + sum * sum;
        store(sum, to + i);
    });
    std::array<float, kPack> lanes{};
    _mm256_storeu_ps(lanes.data(), of_lanes);
    squares = std::accumulate(lanes.begin(), lanes.end(), squares);
    return done;
}

std::int64_t scale_sum(const Float16* x, const Float16* r, const Float16* weight, float factor,
                       Float16* to, std::int64_t count) {
    return for_each_pack(count, [=](auto i) {
        store((load(x + i) + load(r + i)) * factor * load(weight + i), to + i);
    });
}

}  // namespace moe::packs
