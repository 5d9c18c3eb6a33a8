#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace moe {

/// The order statistics that hold the true median with at least 95 % confidence whatever the
/// distribution: sorted[low] and sorted[high]. Exact binomial (Conover, Practical Nonparametric
/// Statistics, section 3.2). Nothing below 6 samples, where not even the extremes reach 95 %.
struct RankInterval {
    std::size_t low{};
    std::size_t high{};
};
[[nodiscard]] std::optional<RankInterval> median_ranks(std::size_t samples);

/// A median and its 95 % interval; the interval is absent below 6 samples.
struct Estimate {
    double median{};
    std::optional<double> low;
    std::optional<double> high;

    /// Half the interval's width over the median; infinite without an interval.
    [[nodiscard]] double relative_error() const;
    /// Whether the interval lies wholly above or below `value`. Without one, nothing is excluded.
    [[nodiscard]] bool excludes(double value) const;
};
/// An Error on an empty series: without samples there is no result, not a result of zero.
[[nodiscard]] Estimate estimate_median(std::vector<double> samples);

/// Nearest rank: the smallest sample that at least `percent` of all do not exceed. Absent where
/// fewer than 100 / (100 - percent) samples make it the maximum by another name: p95 needs 20
/// samples, p99 needs 100.
[[nodiscard]] std::optional<double> percentile(std::vector<double> samples, double percent);

/// Third minus first quartile, each by linear interpolation between its neighbours (Hyndman and
/// Fan 1996, type 7: what numpy and scipy do). Absent below 4 samples.
[[nodiscard]] std::optional<double> interquartile_range(std::vector<double> samples);

/// t_baseline / t_strategy of each round: the speed-ups whose median is reported.
[[nodiscard]] std::vector<double> paired_ratios(std::span<const double> baseline,
                                                std::span<const double> strategy);

}  // namespace moe
