#include "bench/moe/popularity.hpp"

#include "bench/moe/zipf.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>

namespace moe {
namespace {

/// Rarer than this is as good as never, and has a quantile that f32 still shows.
constexpr double kRarest = 1e-6;
constexpr float kBiasStep = 0x1p-10F;

/// The popularity rank of each expert, from 0. Fisher-Yates by hand: std::shuffle may
/// differ between libraries, and the same seed must give the same layer everywhere.
std::vector<std::int64_t> seeded_order(std::int64_t experts, std::uint64_t seed) {
    std::vector<std::int64_t> rank(static_cast<std::size_t>(experts));
    std::iota(rank.begin(), rank.end(), std::int64_t{0});
    std::mt19937_64 random(seed);
    for (std::size_t i = rank.size(); i > 1; --i) std::swap(rank[i - 1], rank[random() % i]);
    return rank;
}

/// x with P(Z <= x) = probability for a standard normal Z, by bisection: the C++ library has the
/// distribution, but not its inverse.
double normal_quantile(double probability) {
    double low = -8;
    double high = 8;
    for (int step = 0; step < 60; ++step) {
        const double middle = (low + high) / 2;
        const bool below = std::erfc(-middle / std::numbers::sqrt2) / 2 < probability;
        (below ? low : high) = middle;
    }
    return (low + high) / 2;
}

}  // namespace

std::vector<double> expert_popularity(const LayerShape& shape, std::uint64_t seed) {
    const auto count = static_cast<std::size_t>(shape.experts);
    const double all = shape.top_k;
    // With hardly more experts than are chosen, everyone is popular.
    const double most = std::max(kMaxPopularity, all / static_cast<double>(shape.experts));
    std::vector<double> share;
    for (const auto rank : seeded_order(shape.experts, seed)) {
        share.push_back(zipf_share(rank, shape.expert_zipf));
    }
    std::vector<double> popularity(count);
    std::vector<bool> capped(count);
    for (bool again = true; again;) {
        double open = 0;
        double left = all;
        for (std::size_t e = 0; e < count; ++e) {
            if (capped[e]) {
                left -= most;
            } else {
                open += share[e];
            }
        }
        again = false;
        for (std::size_t e = 0; e < count; ++e) {
            if (capped[e]) continue;
            popularity[e] = left * share[e] / open;
            if (popularity[e] <= most) continue;
            popularity[e] = most;
            capped[e] = again = true;
        }
    }
    return popularity;
}

std::vector<float> popularity_bias(const std::vector<double>& popularity, double deviation) {
    std::vector<float> bias;
    for (const double share : popularity) {
        const double wanted = deviation * normal_quantile(std::clamp(share, kRarest, 1 - kRarest));
        bias.push_back(kBiasStep * static_cast<float>(std::lround(wanted / kBiasStep)));
    }
    return bias;
}

}  // namespace moe
