#include "bench/report/beside_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace moe {
namespace {

std::string with_interval(const Estimate& estimate, int digits) {
    auto text = fmt::format("{:.{}f}", estimate.median, digits);
    if (!estimate.low) return text;
    return text + fmt::format(" [{:.{}f}, {:.{}f}]", *estimate.low, digits, *estimate.high, digits);
}

std::string line_of(const ResultRow& row) {
    const auto& times = *row.beside_times;
    return fmt::format("  {:<30} {:>11.1f} {:>11.1f}  {:<22} {:>11.1f} {:>11.1f}  {}{}\n",
                       row.combine, times.output.median, times.gemm.median,
                       with_interval(times.slowdown_pct, 1), times.together.median,
                       times.in_turn.median, with_interval(times.gain, 2),
                       times.gain.excludes(1) ? "" : " not resolved");
}

/// `timed`: of one case, at least one.
std::string verdict(const std::vector<const ResultRow*>& timed, std::span<const ResultRow> rows) {
    const auto shares_core = [](const auto* row) { return row->beside_times->shares_core; };
    if (std::ranges::any_of(timed, shares_core)) {
        return "GEMMs take turns with ranks on the same cores: no verdict on what disturbs them.";
    }
    if (no_verdict(rows)) return "No verdict on what disturbs the GEMM either.";
    const auto least = [&](auto member) {
        return *std::ranges::min_element(timed, {}, [&](const auto* row) {
            return std::invoke(member, *row->beside_times).median;
        });
    };
    const auto* calm = least(&BesideTimes::slowdown_pct);
    const auto* first = least(&BesideTimes::together);
    return fmt::format(
        "{} disturbs the GEMM least, which takes {} % longer; {} ends first together with it, {} "
        "times as fast as one after the other{}{}.",
        calm->combine, with_interval(calm->beside_times->slowdown_pct, 1), first->combine,
        with_interval(first->beside_times->gain, 2),
        first->beside_times->gain.excludes(1) ? "" : ", not resolved",
        first->sms.empty() ? "" : fmt::format(" (SMs: {})", first->sms));
}

}  // namespace

std::string beside_table(std::span<const ResultRow> rows) {
    std::vector<const ResultRow*> timed;
    for (const auto& row : rows) {
        if (row.beside_times && row.verified != false) timed.push_back(&row);
    }
    if (timed.empty()) return {};
    auto text = fmt::format(
        "  beside the experts of a second batch, which take {:.1f} us alone\n"
        "  {:<30} {:>11} {:>11}  {:<22} {:>11} {:>11}  {}\n",
        timed.front()->beside_times->gemm_alone.median, "medians, [95 %]", "output us", "GEMM us",
        "GEMM slower by %", "together us", "in turn us", "in turn / together");
    for (const auto* row : timed) text += line_of(*row);
    return text + fmt::format("  {}\n", verdict(timed, rows));
}

}  // namespace moe
