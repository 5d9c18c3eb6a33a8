#include "bench/report/result_row.hpp"

#include "bench/measure/disturbance.hpp"
#include "bench/measure/limits.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace moe {
namespace {

/// The median in microseconds, where it can be divided by.
std::optional<double> median_us(const std::optional<Timing>& timing) {
    return timing && timing->us.median > 0 ? std::optional(timing->us.median) : std::nullopt;
}

/// Percent of a time that a limit of it is.
std::optional<double> share_of(std::optional<double> limit_us,
                               const std::optional<Timing>& timing) {
    const auto us = median_us(timing);
    return us && limit_us ? std::optional(*limit_us / *us * 100) : std::nullopt;
}

/// 1e9 bytes a second.
std::optional<double> bandwidth(double bytes, const std::optional<Timing>& timing) {
    const auto us = median_us(timing);
    return us ? std::optional(bytes / *us * 1e-3) : std::nullopt;
}

}  // namespace

std::optional<double> ResultRow::algbw_gbps() const {
    return bandwidth(matrix_bytes, combine_alone);
}

std::optional<double> ResultRow::busbw_gbps() const {
    return bandwidth(contract_bytes, combine_alone);
}

std::optional<double> ResultRow::pct_of_limit() const {
    return share_of(limit_us, combine_alone);
}

std::optional<double> ResultRow::pct_of_output_limit() const {
    return share_of(output_limit_us, output);
}

std::optional<double> ResultRow::tokens_per_s() const {
    const auto us = median_us(layer);
    return us ? std::optional(static_cast<double>(tokens) / *us * 1e6) : std::nullopt;
}

bool ResultRow::above_limit() const {
    return combine_alone && limit_us && exceeds_limit(combine_alone->us.median, *limit_us);
}

bool ResultRow::above_contract_limit() const {
    return combine_alone && contract_limit_us &&
           exceeds_limit(combine_alone->us.median, *contract_limit_us);
}

bool ResultRow::disturbed() const {
    return timed_by == "host" && disturbed_pct && *disturbed_pct > 100 * kDisturbed;
}

std::vector<NoVerdict> ResultRow::no_verdict() const {
    std::vector<NoVerdict> reasons;
    if (planted_pct > 0) reasons.push_back(NoVerdict::planted);
    if (claim == Claim::shared_machine) reasons.push_back(NoVerdict::shared_machine);
    if (claim == Claim::functional) reasons.push_back(NoVerdict::functional);
    if (disturbed()) reasons.push_back(NoVerdict::disturbed);
    return reasons;
}

std::string ResultRow::flags() const {
    std::vector<std::string_view> words;
    if (above_limit()) words.emplace_back("above_limit");
    if (above_contract_limit()) words.emplace_back("above_contract_limit");
    if (!throttled.empty()) words.emplace_back("throttled");
    if (disturbed()) words.emplace_back("disturbed");
    return fmt::format("{}", fmt::join(words, ";"));
}

const ResultRow* fastest(std::span<const ResultRow> rows) {
    const ResultRow* best = nullptr;
    for (const auto& row : rows) {
        if (!row.output) continue;
        if (best == nullptr || row.output->us.median < best->output->us.median) best = &row;
    }
    return best;
}

std::optional<NoVerdict> no_verdict(std::span<const ResultRow> rows) {
    std::optional<NoVerdict> first;
    for (const auto& row : rows) {
        for (const auto reason : row.no_verdict()) first = std::min(first.value_or(reason), reason);
    }
    return first;
}

}  // namespace moe
