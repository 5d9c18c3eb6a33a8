#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace moe {

/// The candidate that was sampled right before; empty where something else ran.
using Predecessor = std::optional<std::size_t>;

/// The carry-over effect of crossover designs: whether one candidate's samples depend on which one
/// ran before it, through what that one left in caches or buffers despite the warm-up.
struct CarryOverEffect {
    /// p value: the share of random assignments of predecessors whose groups are at least as far
    /// apart. Without an effect it is 0.05 or less once in 20 times.
    double p{};
    /// Largest deviation of the median after one predecessor from the median of all, relative.
    double largest{};
};

/// A permutation test (Fisher 1935) on ranks, which one outlier cannot decide: the statistic is
/// that of Kruskal and Wallis, sum over predecessors of n (mean rank - mean rank of all)^2.
/// Nothing where fewer than two predecessors are known.
[[nodiscard]] std::optional<CarryOverEffect> carry_over_effect(
    std::span<const double> seconds, std::span<const Predecessor> predecessors, std::uint64_t seed);

}  // namespace moe
