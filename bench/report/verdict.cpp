#include "bench/report/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>

namespace moe {
namespace {

/// `what`: of which time the ratio is.
std::string times_text(const Estimate& ratio, int digits, std::string_view what) {
    auto text = fmt::format("{:.{}f} times {}", ratio.median, digits, what);
    if (ratio.low) {
        text += fmt::format(" [{:.{}f}, {:.{}f}]", *ratio.low, digits, *ratio.high, digits);
    }
    return text + (ratio.excludes(1) ? "" : ", not resolved");
}

/// `pair`: why these two are compared. `row`: any of the case, for what its numbers are worth.
std::string sentence(const Comparison& two, std::string_view pair, const ResultRow& row) {
    const auto* rate = row.mode == "pipelined" ? "throughput" : "speed";
    auto text =
        fmt::format("  {} against {}, {}: {}", two.combine, two.against, pair,
                    times_text(two.output, 2, fmt::format("the {} of the output step", rate)));
    if (two.layer) text += "; " + times_text(*two.layer, 3, "that of the layer");
    if (two.beside) {
        text += fmt::format("; against {}, the library's all_reduce: {}", two.beside->against,
                            times_text(two.beside->output, 2, "that of the output step"));
    }
    // What a library does by default says nothing of what it can do.
    const auto sms = row.sms.empty() ? "" : fmt::format(", SMs: {}", row.sms);
    return fmt::format("{} (claim: {}{}).\n", text, to_string(row.claim), sms);
}

/// Where there are not two kinds to compare.
std::string against_baseline(const ResultRow& best, std::span<const ResultRow> rows) {
    const auto timed = std::count_if(rows.begin(), rows.end(),
                                     [](const auto& row) { return row.output.has_value(); });
    if (timed == 1) return fmt::format("  Only {} was timed.\n", best.combine);
    if (best.is_baseline) {
        const bool all_resolved = std::all_of(rows.begin(), rows.end(), [](const auto& row) {
            return row.is_baseline || !row.output || row.output->resolved();
        });
        if (all_resolved) {
            return fmt::format("  {}, the baseline, has the fastest output step.\n", best.combine);
        }
        return fmt::format("  No strategy is shown to be faster than {}, the baseline.\n",
                           best.combine);
    }
    if (!best.output->speedup) {
        return fmt::format("  {} is the fastest; without a baseline there is no speed-up.\n",
                           best.combine);
    }
    Comparison two{best.combine, rows.front().combine, *best.output->speedup};
    if (best.layer) two.layer = best.layer->speedup;
    return sentence(two, "the baseline", best);
}

/// `rows`: of the case that has no winner for this reason.
std::string why_no_winner(NoVerdict reason, std::span<const ResultRow> rows) {
    switch (reason) {
        case NoVerdict::planted:
            return "Strategies were slowed down on purpose (--plant): no results.";
        case NoVerdict::shared_machine:
            return "Other processes computed on GPUs of this job: no verdict (claim: "
                   "shared_machine).";
        case NoVerdict::functional:
            return "Ranks share cores or a GPU: no verdict (claim: functional).";
        case NoVerdict::disturbed:
            break;
    }
    const auto disturbed =
        std::find_if(rows.begin(), rows.end(), std::mem_fn(&ResultRow::disturbed));
    return fmt::format("DISTURBED: others had a rank's core for {:.0f} % of the time: no verdict.",
                       *disturbed->disturbed_pct);
}

}  // namespace

std::string verdict_line(std::span<const ResultRow> rows,
                         const std::optional<Comparison>& best_forms) {
    if (const auto reason = no_verdict(rows)) {
        return fmt::format("  {}\n", why_no_winner(*reason, rows));
    }
    if (best_forms) {
        return sentence(
            *best_forms,
            best_forms->engines ? "the all_reduce that engines run" : "the best form of each kind",
            rows.front());
    }
    const auto* best = fastest(rows);
    return best == nullptr ? "" : against_baseline(*best, rows);
}

}  // namespace moe
