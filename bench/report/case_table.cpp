#include "bench/report/case_table.hpp"

#include "bench/report/beside_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace moe {
namespace {

std::string us(const std::optional<Timing>& timing) {
    return timing ? fmt::format("{:.1f}", timing->us.median) : std::string("-");
}

bool beats_a_limit(const ResultRow& row) {
    return row.above_limit() || row.above_contract_limit();
}

/// Marked where it is shorter than the machine seems to allow.
std::string combine_us(const ResultRow& row) {
    return us(row.combine_alone) + (beats_a_limit(row) ? "!" : "");
}

/// `digits` after the point: an interval that ends just short of 1 must not be rounded to it.
std::string speedup(const ResultRow& row, const std::optional<Timing>& timing, int digits) {
    if (!timing) return "-";
    if (row.is_baseline) return "1 (baseline)";
    const auto& ratio = timing->speedup;
    if (!ratio) return "-";
    if (!ratio->low) return fmt::format("{:.{}f}", ratio->median, digits);
    return fmt::format("{:.{}f} [{:.{}f}, {:.{}f}]{}", ratio->median, digits, *ratio->low, digits,
                       *ratio->high, digits, ratio->excludes(1) ? "" : " not resolved");
}

std::string planted_mark(const ResultRow& row) {
    return row.planted_pct > 0 ? fmt::format("  PLANTED: {:g} % slower", row.planted_pct) : "";
}

/// Of few ranks what each has, "8;7;6;0"; of many the least and the most.
std::string tokens_of_ranks(const std::vector<std::int64_t>& tokens) {
    constexpr std::size_t kFew = 16;
    if (tokens.size() <= kFew) return fmt::format("{}", fmt::join(tokens, ";"));
    const auto [least, most] = std::minmax_element(tokens.begin(), tokens.end());
    return *least == *most ? fmt::format("{} each", *least)
                           : fmt::format("{} to {} each", *least, *most);
}

std::string heading(const ResultRow& row) {
    auto text = fmt::format("{}, hidden {}, {} experts top-{}", row.model, row.hidden, row.experts,
                            row.top_k);
    if (row.routing != "uniform") text += fmt::format(" {}", row.routing);
    if (row.layers > 1) text += fmt::format(", {} layers", row.layers);
    text += fmt::format(" | {} tokens, {}", row.tokens, row.load);
    if (!row.tokens_per_rank.empty())
        text += fmt::format(" ({})", tokens_of_ranks(row.tokens_per_rank));
    const bool said = row.load.starts_with(row.phase);  // a mixed load's step is mixed
    if (!said) text += fmt::format(", {}", row.phase);
    if (row.padding != "sum_len") text += fmt::format(", {}", row.padding);
    if (!row.graph_sizes.empty()) text += fmt::format(", graphs of {}", row.graph_sizes);
    text += fmt::format(" | dp {} ep {} on {} ranks | {} | {}", row.dp, row.ep, row.ranks,
                        row.dtype, row.gather);
    if (row.graph == "on") text += " | CUDA graph";
    if (!row.sms.empty()) text += fmt::format(" | SMs: {}", row.sms);
    if (row.steps) text += fmt::format(" | {} steps of {}", *row.steps, row.steps_source);
    if (row.skew_us > 0) text += fmt::format(" | all ranks but one up to {} us late", row.skew_us);
    return text + "\n";
}

}  // namespace

std::string case_table(std::span<const ResultRow> rows,
                       const std::optional<Comparison>& best_forms) {
    std::string text = heading(rows.front());
    const auto* best = fastest(rows);
    const auto* winner = no_verdict(rows) ? nullptr : best;
    if (best != nullptr) {
        text += fmt::format("  {:<30} {:>11}  {:<30} {:>11} {:>11}  {}\n", "medians, [95 %]",
                            "output us", "speed-up of output", "combine us", "layer us",
                            "speed-up of layer");
    }
    for (const auto& row : rows) {
        if (!row.obstacle.empty()) {
            text += fmt::format("  {:<30} cannot run: {}\n", row.combine, row.obstacle);
        } else if (row.verified == false) {
            text += fmt::format("  {:<30} WRONG, not timed: {}\n", row.combine, row.detail);
        } else {
            text += fmt::format("{} {:<30} {:>11}  {:<30} {:>11} {:>11}  {}{}\n",
                                &row == winner ? '*' : ' ', row.combine, us(row.output),
                                speedup(row, row.output, 2), combine_us(row), us(row.layer),
                                speedup(row, row.layer, 3), planted_mark(row));
        }
    }
    text += verdict_line(rows, best_forms) + beside_table(rows);
    if (std::any_of(rows.begin(), rows.end(), beats_a_limit)) {
        text += "  ! below the limit that was calibrated, by more than a tenth: see flags\n";
    }
    const auto& front = rows.front();
    if (!front.experts_tuned &&
        std::any_of(rows.begin(), rows.end(), [](const auto& row) { return row.layer; })) {
        text += fmt::format(
            "  Experts run {}, which is not tuned for this device ({}): layer times may be "
            "longer than an engine's; output and combine are not concerned.\n",
            front.experts_kernel, front.device);
    }
    return text;
}

}  // namespace moe
