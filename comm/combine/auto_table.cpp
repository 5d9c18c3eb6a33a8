#include "comm/combine/auto_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace moe {
namespace {

/// Doublings of the bytes that a share of all rows counts as much as. Larger than what an owner
/// takes in more (by a factor of the ranks): loads change which strategy is the fastest more than
/// sizes do.
constexpr double kDoublingsOfAShare = 6;

double doublings(std::int64_t bytes) {
    return std::log2(static_cast<double>(std::max<std::int64_t>(bytes, 1)));
}

}  // namespace

bool Exchange::comparable(const Exchange& other) const {
    return dtype == other.dtype && captured == other.captured && sms == other.sms;
}

double Exchange::distance(const Exchange& other) const {
    return std::abs(doublings(bytes) - doublings(other.bytes)) +
           kDoublingsOfAShare * std::abs(largest_share - other.largest_share);
}

Exchange exchange_of(const CombineSetup& setup) {
    return {.dtype = setup.dtype,
            .captured = setup.captured,
            .sms = setup.sms,
            .bytes = setup.all_bytes(),
            .largest_share = largest_share(setup.owned)};
}

double largest_share(const RowPartition& owned) {
    if (owned.total() == 0) return 1.0 / owned.ranks();
    return static_cast<double>(owned.largest()) / static_cast<double>(owned.total());
}

std::string setting_text(const Exchange& exchange) {
    return fmt::format("{}, {}{}", to_string(exchange.dtype),
                       exchange.captured ? "CUDA graph" : "eager",
                       exchange.sms == 0 ? "" : fmt::format(", {} SMs", exchange.sms));
}

AutoTable::AutoTable(std::vector<Row> rows) : rows_(std::move(rows)) {
    for (auto& row : rows_) std::ranges::stable_sort(row.times, {}, &Time::us);
}

const AutoTable::Row* AutoTable::nearest(const Exchange& exchange) const {
    const Row* nearest = nullptr;
    double least = std::numeric_limits<double>::infinity();
    for (const auto& row : rows_) {
        if (!row.exchange.comparable(exchange)) continue;
        const double distance = row.exchange.distance(exchange);
        if (distance >= least) continue;
        least = distance;
        nearest = &row;
    }
    return nearest;
}

bool may_be_in_table(const CombineEntry& entry) {
    return entry.form == Form::reduce_scatter && !entry.by_name_only && !entry.by_table;
}

bool is_auto_candidate(const CombineEntry& entry, const CombineSetup& setup) {
    return may_be_in_table(entry) && entry.obstacle(setup).empty() &&
           !entry.input(setup).weighted();
}

}  // namespace moe
