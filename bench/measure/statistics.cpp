#include "bench/measure/statistics.hpp"

#include "kernels/runtime/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moe {
namespace {

double middle(const std::vector<double>& sorted) {
    const auto half = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

}  // namespace

std::optional<RankInterval> median_ranks(std::size_t samples) {
    // The k-th smallest and k-th largest miss the median with probability 2 P(X < k), where X is
    // binomial(n, 1/2). Take the largest k for which that is at most 5 %.
    const auto n = static_cast<double>(samples);
    double log_term = -n * std::log(2.0);  // of P(X = k), by recurrence: no overflow at any n
    double below = 0;                      // P(X < k)
    std::size_t k = 0;
    for (; k <= samples / 2; ++k) {
        const double next = below + std::exp(log_term);
        if (2 * next > 0.05) break;
        below = next;
        log_term += std::log((n - static_cast<double>(k)) / (static_cast<double>(k) + 1));
    }
    if (k == 0) return std::nullopt;
    return RankInterval{k - 1, samples - k};
}

double Estimate::relative_error() const {
    if (!low || !high || median <= 0) return std::numeric_limits<double>::infinity();
    return (*high - *low) / 2 / median;
}

bool Estimate::excludes(double value) const {
    return low && high && (value < *low || value > *high);
}

Estimate estimate_median(std::vector<double> samples) {
    MOE_EXPECT(!samples.empty(), "no samples to take a median of");
    std::sort(samples.begin(), samples.end());
    Estimate estimate{middle(samples), {}, {}};
    if (const auto ranks = median_ranks(samples.size())) {
        estimate.low = samples[ranks->low];
        estimate.high = samples[ranks->high];
    }
    return estimate;
}

std::optional<double> percentile(std::vector<double> samples, double percent) {
    const auto n = static_cast<double>(samples.size());
    if (n * (100 - percent) < 100) return std::nullopt;
    std::sort(samples.begin(), samples.end());
    return samples[static_cast<std::size_t>(std::ceil(percent / 100 * n)) - 1];
}

std::optional<double> interquartile_range(std::vector<double> samples) {
    if (samples.size() < 4) return std::nullopt;
    std::sort(samples.begin(), samples.end());
    const auto quartile = [&](double share) {
        const double position = share * static_cast<double>(samples.size() - 1);
        const auto below = static_cast<std::size_t>(position);  // never the last: position < n - 1
        return std::lerp(samples[below], samples[below + 1], position - static_cast<double>(below));
    };
    return quartile(0.75) - quartile(0.25);
}

std::vector<double> paired_ratios(std::span<const double> baseline,
                                  std::span<const double> strategy) {
    MOE_EXPECT(baseline.size() == strategy.size(), "pairs need as many samples on both sides");
    std::vector<double> ratios(baseline.size());
    std::transform(baseline.begin(), baseline.end(), strategy.begin(), ratios.begin(),
                   [](double a, double b) { return a / b; });
    return ratios;
}

}  // namespace moe
