#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moe {

/// How late each rank comes to the samples of a round: one rank, drawn anew for every round, is
/// punctual, and each other one is late by a time between 0 and `max`, drawn uniformly. A function
/// of the seed and the round alone: all strategies of a round meet the same, and ranks need not
/// agree on it.
class Skew {
public:
    /// No rank is ever late.
    Skew() = default;
    /// `max` in seconds.
    Skew(double max, int ranks, std::uint64_t seed) : max_(max), ranks_(ranks), seed_(seed) {}

    [[nodiscard]] bool none() const { return max_ == 0; }
    /// Seconds by which each rank is late; empty where no rank ever is.
    [[nodiscard]] std::vector<double> delays(std::size_t round) const;
    /// Of one rank.
    [[nodiscard]] double delay(std::size_t round, int rank) const;

private:
    double max_{};
    int ranks_{};
    std::uint64_t seed_{};
};

}  // namespace moe
