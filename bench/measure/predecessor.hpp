#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace moe {

/// The rival whose sample came right before; nobody where something else did.
using Predecessor = std::optional<std::size_t>;

/// Whether one rival's samples depend on which rival ran before: what that one left in caches or
/// buffers, in spite of priming.
struct PredecessorEffect {
    /// How often predecessors dealt out at random set the groups as far apart as the real ones: 1
    /// of 20 times 0.05 or less where there is no effect.
    double p{};
    /// Largest deviation of the median after one predecessor from the median of all, relative.
    double largest{};
};

/// A permutation test (Fisher 1935) on ranks, which one outlier cannot decide: the statistic is
/// that of Kruskal and Wallis, sum over predecessors of n (mean rank - mean rank of all)^2.
/// Nothing where fewer than two predecessors are known.
[[nodiscard]] std::optional<PredecessorEffect> predecessor_effect(
    std::span<const double> seconds, std::span<const Predecessor> predecessors, std::uint64_t seed);

}  // namespace moe
