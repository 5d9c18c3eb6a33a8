#include "comm/mpi/side_core.hpp"

#include <algorithm>
#include <string>

namespace moe {
namespace {

std::ptrdiff_t count(const std::string& cores) {
    return std::ranges::count(cores, '1');
}

/// Adds the cores of `more`.
void unite(std::string& cores, const std::string& more) {
    cores.resize(std::max(cores.size(), more.size()), '0');
    for (std::size_t core = 0; core < more.size(); ++core) {
        if (more[core] == '1') cores[core] = '1';
    }
}

}  // namespace

SideCore side_core_of(const std::vector<RankInfo>& ranks, std::size_t rank) {
    std::vector<RankInfo> together;  // under one kernel
    std::size_t place = 0;           // of the rank among them
    for (std::size_t other = 0; other < ranks.size(); ++other) {
        if (ranks[other].kernel() != ranks[rank].kernel()) continue;
        if (other < rank) ++place;
        together.push_back(ranks[other]);
    }
    const auto wanted = static_cast<std::ptrdiff_t>(2 * together.size());
    std::string given, reachable;
    for (const auto& one : together) {
        unite(given, one.cores);
        unite(reachable, one.reachable_cores);
    }
    const bool has_time = machine_of(together).cpu_quota >= static_cast<double>(wanted);
    const bool has_two_each =
        std::ranges::all_of(together, [](const auto& one) { return count(one.cores) >= 2; });
    if (has_time && has_two_each && count(given) >= wanted) return {};
    std::vector<int> free;
    for (std::size_t core = 0; core < reachable.size(); ++core) {
        const bool is_given = core < given.size() && given[core] == '1';
        if (reachable[core] == '1' && !is_given) free.push_back(static_cast<int>(core));
    }
    if (!has_time || free.size() < together.size()) return {.cpu = {}, .shared = true};
    return {.cpu = free[place], .shared = false};
}

}  // namespace moe
