#include "bench/steps/grouping.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <span>
#include <utility>

namespace moe {
namespace {

/// Buckets of one group, with their means and spreads, each bucket counted as often as it has
/// steps.
struct Group {
    explicit Group(std::span<Bucket> members);
    [[nodiscard]] bool one_bucket() const { return buckets.size() == 1; }

    std::span<Bucket> buckets;
    double steps{};
    std::vector<double> mean;  ///< rows of each DP rank
    double squared_error{};    ///< to the mean, over all ranks
    std::size_t widest{};      ///< the rank whose rows spread most
    std::int64_t cut{};        ///< its rows in the lower part, at most
};

Group::Group(std::span<Bucket> members) : buckets(members), mean(members.front().rows.size()) {
    for (const auto& bucket : buckets) {
        const auto weight = static_cast<double>(bucket.steps);
        steps += weight;
        for (std::size_t rank = 0; rank < mean.size(); ++rank) {
            mean[rank] += weight * static_cast<double>(bucket.rows[rank]);
        }
    }
    for (auto& rows : mean) rows /= steps;

    std::vector<double> spread(mean.size());
    for (const auto& bucket : buckets) {
        for (std::size_t rank = 0; rank < mean.size(); ++rank) {
            const double off = static_cast<double>(bucket.rows[rank]) - mean[rank];
            spread[rank] += static_cast<double>(bucket.steps) * off * off;
        }
    }
    for (const auto of_rank : spread) squared_error += of_rank;
    widest = static_cast<std::size_t>(std::ranges::max_element(spread) - spread.begin());
    // Rounding must not leave one part empty.
    const auto of_widest = [&](const Bucket& bucket) { return bucket.rows[widest]; };
    const auto [lowest, highest] = std::ranges::minmax_element(buckets, {}, of_widest);
    const auto least = of_widest(*lowest);
    cut = std::clamp(static_cast<std::int64_t>(mean[widest]), least,
                     std::max(least, of_widest(*highest) - 1));
}

std::pair<Group, Group> split(const Group& group) {
    const auto& all = group.buckets;
    const auto upper = std::stable_partition(all.begin(), all.end(), [&](const Bucket& bucket) {
        return bucket.rows[group.widest] <= group.cut;
    });
    const auto lower = static_cast<std::size_t>(upper - all.begin());
    return {Group(all.first(lower)), Group(all.subspan(lower))};
}

double distance(const std::vector<std::int64_t>& rows, const std::vector<double>& to) {
    double sum = 0;
    for (std::size_t rank = 0; rank < rows.size(); ++rank) {
        sum += std::abs(static_cast<double>(rows[rank]) - to[rank]);
    }
    return sum;
}

/// Adds the group's representative, and what it is off by.
void represent(const Group& group, Grouping& grouping) {
    const auto& nearest = *std::ranges::min_element(
        group.buckets, {}, [&](const Bucket& bucket) { return distance(bucket.rows, group.mean); });
    const std::vector<double> chosen(nearest.rows.begin(), nearest.rows.end());
    auto& representative = grouping.representatives.emplace_back(nearest);
    representative.steps = 0;
    for (const auto& bucket : group.buckets) {
        const double error = distance(bucket.rows, chosen);
        representative.steps += bucket.steps;
        grouping.mean_error += static_cast<double>(bucket.steps) * error;
        grouping.largest_error = std::max(grouping.largest_error, error);
    }
    grouping.steps += representative.steps;
    for (const auto rows : group.mean) grouping.mean_rows += group.steps * rows;
}

/// Steps of different phases take different paths.
std::vector<Group> groups_by_phase(std::span<Bucket> buckets) {
    std::vector<Group> groups;
    while (!buckets.empty()) {
        const auto phase = buckets.front().phase;
        const auto end = std::ranges::find_if(
            buckets, [&](const Bucket& bucket) { return bucket.phase != phase; });
        const auto count = static_cast<std::size_t>(end - buckets.begin());
        groups.emplace_back(buckets.first(count));
        buckets = buckets.subspan(count);
    }
    return groups;
}

}  // namespace

Grouping group_buckets(std::vector<Bucket> buckets, std::size_t most) {
    std::ranges::stable_sort(buckets, {}, &Bucket::phase);
    auto groups = groups_by_phase(buckets);
    while (groups.size() < most) {
        const auto worst = std::ranges::max_element(groups, {}, [](const Group& group) {
            return group.one_bucket() ? 0 : group.squared_error;
        });
        if (worst == groups.end() || worst->one_bucket()) break;
        auto [lower, upper] = split(*worst);
        *worst = std::move(lower);
        groups.push_back(std::move(upper));
    }
    Grouping grouping;
    for (const auto& group : groups) represent(group, grouping);
    if (grouping.steps == 0) return grouping;
    const auto steps = static_cast<double>(grouping.steps);
    grouping.mean_rows /= steps;
    grouping.mean_error /= steps;
    return grouping;
}

}  // namespace moe
