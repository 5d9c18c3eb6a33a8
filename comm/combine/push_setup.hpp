#pragma once

#include "comm/combine/combine.hpp"
#include "comm/owners_inbox.hpp"

#include <cstddef>

namespace moe {

/// Who adds up which rows of a setup in a reduce_scatterv by push; `row_bytes` in an inbox.
[[nodiscard]] PushPlan push_plan(const CombineSetup& setup, PushShape shape, std::size_t row_bytes);
/// balanced where that saves the busiest link more than forwarding takes.
[[nodiscard]] PushShape best_push_shape(const CombineSetup& setup);

/// What one rank's part costs where all rows are sent, without what it reads of its own: pieces are
/// counted as rows of the setup. The workspace is the largest inbox.
[[nodiscard]] Cost push_cost(const CombineSetup& setup, const PushPlan& plan,
                             std::size_t inbox_row_bytes, int rank);

}  // namespace moe
