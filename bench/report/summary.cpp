#include "bench/report/summary.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace moe {
namespace {

constexpr std::size_t kMaxGroups = 8;

std::string name_of(const ResultRow& row) {
    auto name = fmt::format("{} {}", row.model, row.dtype);
    if (row.graph == "on") name += ", CUDA graph";
    if (row.mode == "pipelined") name += ", pipelined";
    if (row.steps) name += fmt::format(", steps of {}", row.steps_source);
    return name;
}

std::string cases_text(std::size_t cases) {
    return fmt::format("{} case{}", cases, cases == 1 ? "" : "s");
}

std::string why(NoVerdict reason) {
    if (reason == NoVerdict::planted) return "strategies were slowed down on purpose";
    return fmt::format("claim {}", to_string(reason));
}

}  // namespace

Summary::Group& Summary::group_of(const ResultRow& row) {
    const auto name = name_of(row);
    const auto found = std::find_if(groups_.begin(), groups_.end(),
                                    [&](const auto& group) { return group.name == name; });
    if (found != groups_.end()) return *found;
    return groups_.emplace_back(Group{.name = name, .wins = {}, .no_verdict = {}});
}

void Summary::add(std::span<const ResultRow> rows) {
    bool baseline_timed = false;
    bool all_resolved = true;
    for (const auto& row : rows) {
        if (row.is_baseline) baseline_ = row.combine;
        if (!row.output) continue;
        baseline_timed |= row.is_baseline;
        all_resolved &= row.is_baseline || row.output->resolved();
    }
    const auto* best = fastest(rows);
    if (best == nullptr) return;
    auto& group = group_of(*best);
    ++group.cases;
    const auto reason = no_verdict(rows);
    if (reason == NoVerdict::disturbed) {
        ++group.disturbed;
    } else if (reason) {
        if (!group.no_verdict) group.no_verdict = reason;
    } else if (best->is_baseline && all_resolved) {
        ++group.of_baseline;
    } else if (best->is_baseline || !baseline_timed || !best->output->resolved()) {
        ++group.not_resolved;
    } else {
        const double speedup = best->output->speedup->median;
        auto& wins = group.wins[best->combine];
        wins.least = wins.cases == 0 ? speedup : std::min(wins.least, speedup);
        wins.most = std::max(wins.most, speedup);
        ++wins.cases;
    }
}

std::string Summary::line_of(const Group& group) {
    if (group.no_verdict) {
        return fmt::format("{}, no verdict: {}", cases_text(group.cases), why(*group.no_verdict));
    }
    std::vector<std::pair<std::string, Wins>> wins(group.wins.begin(), group.wins.end());
    std::stable_sort(wins.begin(), wins.end(), [](const auto& one, const auto& other) {
        return one.second.cases > other.second.cases;
    });
    std::vector<std::string> parts;
    for (const auto& [combine, won] : wins) {
        const auto range = won.cases == 1 ? fmt::format("{:.2f}", won.most)
                                          : fmt::format("{:.2f} to {:.2f}", won.least, won.most);
        parts.push_back(fmt::format("{} in {} ({})", combine, won.cases, range));
    }
    if (group.of_baseline > 0) parts.push_back(fmt::format("baseline in {}", group.of_baseline));
    if (group.not_resolved > 0) parts.push_back(fmt::format("not resolved {}", group.not_resolved));
    if (group.disturbed > 0) parts.push_back(fmt::format("disturbed {}", group.disturbed));
    return fmt::format("{}: {}", cases_text(group.cases), fmt::join(parts, ", "));
}

std::string Summary::text() const {
    if (groups_.empty()) return {};
    const bool with_verdict = std::any_of(groups_.begin(), groups_.end(),
                                          [](const auto& group) { return !group.no_verdict; });
    auto text = with_verdict
                    ? fmt::format("Fastest output step (speed-up against {}):\n", baseline_)
                    : std::string("Measured:\n");
    for (std::size_t i = 0; i < std::min(groups_.size(), kMaxGroups); ++i) {
        text += fmt::format("  {}: {}\n", groups_[i].name, line_of(groups_[i]));
    }
    if (groups_.size() > kMaxGroups) {
        text += fmt::format("  and {} more kinds of cases\n", groups_.size() - kMaxGroups);
    }
    return text;
}

}  // namespace moe
