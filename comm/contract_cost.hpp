#pragma once

#include "comm/ring_traffic.hpp"

namespace moe {

/// The least that a combine can do, whatever its way: every rank holds a partial sum of all rows,
/// afterwards each rank of a group (of `group_size` consecutive ranks) holds the full sum of its
/// group's rows. Of each number, the rank's that needs most.
///
/// Sent: a rank's partial sums are independent of all others', so each that another rank's result
/// depends on must leave it, as it is or inside a sum: all rows but its own, and those as well
/// where others of its group want them. What a rank must receive, its group's rows, is never more
/// than what some rank must send. In memory, each partial sum is read once and each result written
/// once; what passes through need not stay there.
[[nodiscard]] Cost contract_cost(const RowPartition& owned, int group_size, std::int64_t row_bytes);

}  // namespace moe
