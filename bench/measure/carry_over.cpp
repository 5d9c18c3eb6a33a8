#include "bench/measure/carry_over.hpp"

#include "bench/measure/shuffle.hpp"
#include "bench/measure/statistics.hpp"
#include "kernels/runtime/error.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

namespace moe {
namespace {

constexpr int kPermutations = 999;
/// More samples would only show effects that are too small to matter, and take longer to permute.
constexpr std::size_t kMaxTested = 1000;

/// Samples that have a predecessor, and its group: groups count from 0.
struct Grouped {
    std::vector<double> seconds;
    std::vector<std::size_t> group;
    std::size_t groups{};
};

Grouped group_by(std::span<const double> seconds, std::span<const Predecessor> predecessors) {
    Grouped grouped;
    std::map<std::size_t, std::size_t> number;
    for (std::size_t i = 0; i < seconds.size(); ++i) {
        if (!predecessors[i]) continue;
        grouped.seconds.push_back(seconds[i]);
        grouped.group.push_back(number.try_emplace(*predecessors[i], number.size()).first->second);
    }
    grouped.groups = number.size();
    return grouped;
}

/// From 1; samples that are equal share their mean rank.
std::vector<double> ranks_of(const std::vector<double>& samples) {
    std::vector<std::size_t> order(samples.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return samples[a] < samples[b]; });
    std::vector<double> ranks(samples.size());
    for (std::size_t first = 0; first < order.size();) {
        auto last = first;
        while (last + 1 < order.size() && samples[order[last + 1]] == samples[order[first]]) ++last;
        const double rank = 1 + static_cast<double>(first + last) / 2;
        for (; first <= last; ++first) ranks[order[first]] = rank;
    }
    return ranks;
}

double between_groups(const std::vector<double>& ranks, const std::vector<std::size_t>& group,
                      std::size_t groups) {
    std::vector<double> sum(groups);
    std::vector<double> count(groups);
    for (std::size_t i = 0; i < group.size(); ++i) {
        sum[group[i]] += ranks[i];
        ++count[group[i]];
    }
    const double mean = static_cast<double>(ranks.size() + 1) / 2;
    double total = 0;
    for (std::size_t g = 0; g < groups; ++g) {
        if (count[g] == 0) continue;
        const double apart = sum[g] / count[g] - mean;
        total += count[g] * apart * apart;
    }
    return total;
}

double permutation_p(Grouped grouped, std::uint64_t seed) {
    grouped.seconds.resize(std::min(grouped.seconds.size(), kMaxTested));
    grouped.group.resize(grouped.seconds.size());
    const auto ranks = ranks_of(grouped.seconds);
    const auto statistic = [&] { return between_groups(ranks, grouped.group, grouped.groups); };
    // Sums in another order differ in their last bits.
    const double observed = statistic() * (1 - 1e-9);
    std::mt19937_64 random(seed);
    int as_far = 1;  // the real one is one of them
    for (int i = 0; i < kPermutations; ++i) {
        shuffle(grouped.group, random);
        as_far += statistic() >= observed ? 1 : 0;
    }
    return as_far / (kPermutations + 1.0);
}

double largest_deviation(const Grouped& grouped) {
    const double all = estimate_median(grouped.seconds).median;
    double largest = 0;
    for (std::size_t g = 0; g < grouped.groups; ++g) {
        std::vector<double> own;
        for (std::size_t i = 0; i < grouped.group.size(); ++i) {
            if (grouped.group[i] == g) own.push_back(grouped.seconds[i]);
        }
        largest = std::max(largest, std::abs(estimate_median(std::move(own)).median / all - 1));
    }
    return largest;
}

}  // namespace

std::optional<CarryOverEffect> carry_over_effect(std::span<const double> seconds,
                                                 std::span<const Predecessor> predecessors,
                                                 std::uint64_t seed) {
    MOE_EXPECT(seconds.size() == predecessors.size(), "one predecessor for each sample");
    auto grouped = group_by(seconds, predecessors);
    if (grouped.groups < 2) return std::nullopt;
    const double largest = largest_deviation(grouped);
    return CarryOverEffect{permutation_p(std::move(grouped), seed), largest};
}

}  // namespace moe
