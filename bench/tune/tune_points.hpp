#pragma once

#include "bench/sweep/case.hpp"
#include "comm/combine/auto_table.hpp"
#include "comm/row_partition.hpp"

#include <span>
#include <vector>

namespace moe {

/// An exchange that a table is measured at: the rows of a case, whose owners are all ranks.
struct TunePoint {
    const Case* params{};
    RowPartition owned;
    Exchange exchange;
};

/// Points of all sizes and loads of a sweep, for each setting by growing size: the sweep's own
/// exchanges, of which those are left out that are near another one. Measured as they are, they say
/// more of this sweep than a ladder of made-up sizes and loads. The cases outlive the points.
[[nodiscard]] std::vector<TunePoint> tune_points(std::span<const Case> cases, int ranks);

}  // namespace moe
