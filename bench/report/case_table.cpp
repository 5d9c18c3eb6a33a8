#include "bench/report/case_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace moe {
namespace {

std::string us(const std::optional<Timing>& timing) {
    return timing ? fmt::format("{:.1f}", timing->us.median) : std::string("-");
}

/// Marked where it is shorter than the machine seems to allow.
std::string combine_us(const ResultRow& row) {
    return us(row.combine_alone) + (row.flags().empty() ? "" : "!");
}

/// `digits` after the point: an interval that ends just short of 1 must not be rounded to it.
std::string speedup(const ResultRow& row, const std::optional<Timing>& timing, int digits) {
    if (!timing) return "-";
    if (row.is_baseline) return "1 (baseline)";
    const auto& ratio = timing->speedup;
    if (ratio.median <= 0) return "-";
    if (!ratio.low) return fmt::format("{:.{}f}", ratio.median, digits);
    return fmt::format("{:.{}f} [{:.{}f}, {:.{}f}]{}", ratio.median, digits, *ratio.low, digits,
                       *ratio.high, digits, ratio.excludes(1) ? "" : " not resolved");
}

std::string planted_mark(const ResultRow& row) {
    return row.planted_pct > 0 ? fmt::format("  PLANTED: {:g} % slower", row.planted_pct) : "";
}

/// Fastest output step of those that were measured; null if none was.
const ResultRow* winner(std::span<const ResultRow> rows) {
    const ResultRow* best = nullptr;
    for (const auto& row : rows) {
        if (!row.output) continue;
        if (best == nullptr || row.output->us.median < best->output->us.median) best = &row;
    }
    return best;
}

std::string verdict(const ResultRow& best, std::span<const ResultRow> rows) {
    if (best.is_baseline) {
        const bool resolved = std::all_of(rows.begin(), rows.end(), [](const auto& row) {
            return row.is_baseline || !row.output || row.output->speedup.excludes(1);
        });
        return resolved ? "  The baseline's output step is the fastest.\n"
                        : "  No strategy is shown to be faster than the baseline.\n";
    }
    if (best.output->speedup.median <= 0) {
        return fmt::format("  {} is the fastest; without a baseline there is no speed-up.\n",
                           best.combine);
    }
    if (!best.output->speedup.excludes(1)) {
        return fmt::format(
            "  {} is ahead, but its speed-up is not resolved: the interval contains 1.\n",
            best.combine);
    }
    std::string text = fmt::format("  {} wins the output step: {:.2f} times the baseline's speed",
                                   best.combine, best.output->speedup.median);
    if (best.layer && best.layer->speedup.median > 0) {
        text += best.layer->speedup.excludes(1)
                    ? fmt::format("; the whole layer: {:.3f} times", best.layer->speedup.median)
                    : std::string("; for the whole layer the difference is not resolved");
    }
    return text + ".\n";
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
    if (!row.phase.empty()) text += fmt::format(", {}", row.phase);
    if (row.padding != "sum_len") text += fmt::format(", {}", row.padding);
    text += fmt::format(" | dp {} ep {} on {} ranks | {} | {}", row.dp, row.ep, row.ranks,
                        row.dtype, row.gather);
    if (row.graph == "on") text += " | CUDA graph";
    return text + "\n";
}

}  // namespace

std::string case_table(std::span<const ResultRow> rows) {
    std::string text = heading(rows.front());
    const auto* best = winner(rows);
    const bool planted =
        std::any_of(rows.begin(), rows.end(), [](const auto& row) { return row.planted_pct > 0; });
    if (best != nullptr) {
        text += fmt::format("  {:<27} {:>11}  {:<30} {:>11} {:>11}  {}\n", "medians, [95 %]",
                            "output us", "speed-up of output", "combine us", "layer us",
                            "speed-up of layer");
    }
    for (const auto& row : rows) {
        if (!row.obstacle.empty()) {
            text += fmt::format("  {:<27} cannot run: {}\n", row.combine, row.obstacle);
        } else if (row.verified == false) {
            text += fmt::format("  {:<27} WRONG, not timed: {}\n", row.combine, row.detail);
        } else {
            text += fmt::format("{} {:<27} {:>11}  {:<30} {:>11} {:>11}  {}{}\n",
                                &row == best && !planted ? '*' : ' ', row.combine, us(row.output),
                                speedup(row, row.output, 2), combine_us(row), us(row.layer),
                                speedup(row, row.layer, 3), planted_mark(row));
        }
    }
    if (planted) {
        text += "  Strategies were slowed down on purpose (--plant): no results.\n";
    } else if (best != nullptr) {
        text += verdict(*best, rows);
    }
    if (std::any_of(rows.begin(), rows.end(), [](const auto& row) { return row.flags() != ""; })) {
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
