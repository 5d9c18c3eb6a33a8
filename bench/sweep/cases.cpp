#include "bench/sweep/cases.hpp"

#include "bench/measure/shuffle.hpp"
#include "bench/sweep/axes.hpp"
#include "bench/sweep/case_texts.hpp"
#include "bench/sweep/spreads.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <utility>

namespace moe {
namespace {

std::vector<std::int64_t> divisors(int ranks) {
    std::vector<std::int64_t> list;
    for (int d = 1; d <= ranks; ++d) {
        if (ranks % d == 0) list.push_back(d);
    }
    return list;
}

std::vector<std::int64_t> sizes(bool all, const std::vector<std::int64_t>& given, int ranks) {
    if (all) return divisors(ranks);
    return given.empty() ? std::vector<std::int64_t>{ranks} : given;
}

/// Before any list is multiplied out. In doubles: the product of lists that are each within their
/// limits may not fit in 64 bits.
void check_count(const Options& options) {
    double cases = count_steps(options);
    for (const auto& axis : axes()) {
        if (axis.count != nullptr) cases *= static_cast<double>(axis.count(options));
    }
    if (cases <= kMaxCases) return;
    throw BadArgument(fmt::format("the lists make {:.15g} cases; one sweep has at most {:.15g}",
                                  cases, kMaxCases));
}

/// That every load can be dealt to some dp.
void check_loads(const Options& options) {
    for (const auto& load : options.loads) {
        const auto fits = [&](auto dp) { return load.obstacle(static_cast<int>(dp)).empty(); };
        if (std::ranges::none_of(options.dp, fits)) {
            throw BadArgument(
                fmt::format("--load: {}", load.obstacle(static_cast<int>(options.dp.front()))));
        }
    }
}

}  // namespace

std::vector<Case> expand_cases(const Options& options, int ranks) {
    auto resolved = options;
    resolved.dp = sizes(options.all_dp, options.dp, ranks);
    resolved.ep = sizes(options.all_ep, options.ep, ranks);
    check_count(resolved);
    check_loads(resolved);
    std::vector<Case> cases{Case()};
    for (const auto& axis : axes()) {
        if (axis.spread == nullptr) continue;
        std::vector<Case> spread;
        for (const auto& params : cases) axis.spread(params, resolved, spread);
        cases = std::move(spread);
    }
    return cases;
}

std::vector<Case> in_launch_order(std::vector<Case> cases, int launch) {
    if (launch == 1) return cases;
    std::mt19937_64 random(static_cast<std::uint64_t>(launch));
    shuffle(cases, random);
    // Groups in the order in which the shuffled list names them first.
    std::vector<std::vector<Case>> groups;
    std::map<std::string, std::size_t> place;
    for (auto& params : cases) {
        const auto [group, is_new] = place.try_emplace(weights_key(params), groups.size());
        if (is_new) groups.emplace_back();
        groups[group->second].push_back(std::move(params));
    }
    cases.clear();
    for (auto& group : groups) std::ranges::move(group, std::back_inserter(cases));
    return cases;
}

}  // namespace moe
