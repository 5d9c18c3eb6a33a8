#include "bench/report/auto_choices.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moe {
namespace {

/// Share of the best one's time that a good choice may lose.
constexpr double kNear = 0.05;

std::string case_text(const ResultRow& row) {
    return fmt::format(
        "{} tokens, {}, hidden {}, {}{}{}", row.tokens, row.load, row.hidden, row.dtype,
        row.graph == "on" ? ", CUDA graph" : "",
        row.sms.empty() || row.sms == "default" ? "" : fmt::format(", {} SMs", row.sms));
}

bool reads_weighted_rows(const ResultRow& row) {
    return row.input.starts_with("weighted_rows");
}

}  // namespace

void AutoChoices::Tally::add(const ResultRow& chosen, std::span<const ResultRow> rows,
                             std::optional<Timing> ResultRow::*region) {
    const ResultRow* best = nullptr;
    for (const auto& row : rows) {
        // No table can choose one that does more than the exchange.
        if (row.by_table || row.form != chosen.form || reads_weighted_rows(row)) continue;
        if (!(row.*region)) continue;
        if (best == nullptr || (row.*region)->us.median < (best->*region)->us.median) best = &row;
    }
    if (best == nullptr || !(chosen.*region)) return;
    const double took = (chosen.*region)->us.median;
    const double least = (best->*region)->us.median;
    const double lost = std::max(took / least - 1, 0.0);
    ++cases;
    near += lost <= kNear ? 1 : 0;
    if (lost <= worst) return;
    worst = lost;
    of_worst = fmt::format("{:.0f} % slower: {}, {} {:.1f} us, {} {:.1f}", 100 * lost,
                           case_text(chosen), chosen.variant, took, best->combine, least);
}

void AutoChoices::add(std::span<const ResultRow> rows) {
    const auto chosen = std::ranges::find_if(rows, &ResultRow::by_table);
    if (chosen == rows.end() || no_verdict(rows)) return;
    strategy_ = chosen->combine;
    combine_.add(*chosen, rows, &ResultRow::combine_alone);
    output_.add(*chosen, rows, &ResultRow::output);
}

std::string AutoChoices::text() const {
    if (output_.cases == 0) return {};
    auto line = fmt::format(
        "{}: the output step is within {:.0f} % of the fastest reduce_scatter form's in {} of {} "
        "cases, the exchange alone in {} of {}",
        strategy_, 100 * kNear, output_.near, output_.cases, combine_.near, combine_.cases);
    if (output_.worst > 0) line += fmt::format("; worst output step {}", output_.of_worst);
    return line + "\n";
}

}  // namespace moe
