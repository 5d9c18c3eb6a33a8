#include "bench/moe/synthetic.hpp"

#include "bench/moe/popularity.hpp"

#include <cmath>

namespace moe {
namespace {

enum Tensor : std::uint64_t { kToken = 1, kRouter, kSharedGate, kGate, kUp, kDown, kBias, kCount };

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31U);
}

/// The finaliser of MurmurHash3 (Appleby), 32 bits wide so that a loop over it is vectorised.
std::uint32_t mix(std::uint32_t x) {
    x = (x ^ (x >> 16U)) * 0x85ebca6bU;
    x = (x ^ (x >> 13U)) * 0xc2b2ae35U;
    return x ^ (x >> 16U);
}

/// values[i] = scale * k with k in [-64, 63], a function of (key, first + i).
void fill(std::uint32_t key, std::int64_t first, float scale, std::span<float> values) {
    const auto base = static_cast<std::uint32_t>(first);
    float* to = values.data();
    const auto count = static_cast<std::uint32_t>(values.size());
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto bits = mix(key + (base + i) * 0x9e3779b9U);
        to[i] = scale * static_cast<float>(static_cast<std::int32_t>(bits >> 25U) - 64);
    }
}

constexpr double kDeviation = 36.95;  ///< of a whole number drawn evenly from [-64, 63]

/// The power of two nearest to scaling a sum of `terms` products with values of deviation `other`
/// to a deviation of `target`.
float scale_for(std::int64_t terms, double other, double target) {
    const double deviation = std::sqrt(static_cast<double>(terms)) * kDeviation * other;
    return static_cast<float>(std::exp2(std::round(std::log2(target / deviation))));
}

constexpr double kTokenDeviation = kDeviation / 64;

}  // namespace

std::uint32_t Synthetic::key(std::uint64_t tensor, std::int64_t a, std::int64_t b) const {
    const auto layer = tensor == kToken ? 0 : static_cast<std::uint64_t>(layer_);
    auto state = mix(seed_ + (tensor + layer * kCount) * 0x9e3779b97f4a7c15U);
    state = mix(state ^ static_cast<std::uint64_t>(a));
    return static_cast<std::uint32_t>(mix(state + static_cast<std::uint64_t>(b)) >> 32U);
}

void Synthetic::token(std::int64_t token, std::span<float> hidden) const {
    fill(key(kToken, token, 0), 0, 1.0F / 64, hidden);
}

void Synthetic::router(std::int64_t expert, std::span<float> hidden) const {
    fill(key(kRouter, expert, 0), 0, scale_for(shape_.hidden, kTokenDeviation, 1), hidden);
}

std::vector<float> Synthetic::router_bias() const {
    if (shape_.expert_zipf == 0) return {};
    const double deviation = std::sqrt(static_cast<double>(shape_.hidden)) * kDeviation *
                             static_cast<double>(scale_for(shape_.hidden, kTokenDeviation, 1)) *
                             kTokenDeviation;
    return popularity_bias(expert_popularity(shape_, key(kBias, 0, 0)), deviation);
}

void Synthetic::shared_gate(std::span<float> hidden) const {
    fill(key(kSharedGate, 0, 0), 0, scale_for(shape_.hidden, kTokenDeviation, 1), hidden);
}

void Synthetic::gate(std::int64_t expert, std::int64_t row, std::span<float> hidden) const {
    fill(key(kGate, expert, row), 0, scale_for(shape_.hidden, kTokenDeviation, 1), hidden);
}

void Synthetic::up(std::int64_t expert, std::int64_t row, std::span<float> hidden) const {
    fill(key(kUp, expert, row), 0, scale_for(shape_.hidden, kTokenDeviation, 1), hidden);
}

void Synthetic::down(std::int64_t expert, std::int64_t row, std::int64_t first,
                     std::span<float> columns) const {
    // silu(g) * u of two standard normals has a deviation of about 0.6.
    const auto width = expert == kShared ? shape_.shared_intermediate : shape_.intermediate;
    fill(key(kDown, expert, row), first, scale_for(width, 0.6, 1), columns);
}

}  // namespace moe
