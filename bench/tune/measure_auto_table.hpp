#pragma once

#include "bench/tune/tune_point_bench.hpp"
#include "bench/watch/heartbeat.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace moe {

/// A table as it was measured; on rank 0 only.
struct MeasuredTable {
    std::vector<AutoTable::Row> rows;
    int left_out{};   ///< points
    std::string why;  ///< the first of these
};

/// Collective. Measures the points of a sweep's cases, smaller ones first; larger ones that would
/// take longer than a few seconds are left out, and those that do not fit into memory.
[[nodiscard]] MeasuredTable measure_auto_table(const TuneParts& parts, std::span<const Case> cases,
                                               Heartbeat& heartbeat);

/// Seconds that a point of so many bytes takes, by a row of the same setting whose exchange is no
/// larger: small exchanges take as long whatever they move, large ones grow with it.
[[nodiscard]] double point_seconds(const AutoTable::Row& smaller, std::int64_t bytes);

/// Seconds that it takes to measure a table for these cases, to perhaps a factor of two.
[[nodiscard]] double table_seconds(std::span<const Case> cases, int ranks);

}  // namespace moe
