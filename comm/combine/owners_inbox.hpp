#pragma once

#include "comm/combine/combine.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace moe {

/// Who adds up which rows of a setup in a reduce_scatterv by push; `row_bytes` in an inbox.
[[nodiscard]] PushPlan push_plan(const CombineSetup& setup, PushShape shape, std::size_t row_bytes);
/// balanced where that saves the busiest link more than forwarding takes.
[[nodiscard]] PushShape best_push_shape(const CombineSetup& setup);

/// What one rank's part costs where all rows are sent, without what it reads of its own: pieces are
/// counted as rows of the setup. The workspace is the largest inbox.
[[nodiscard]] Cost push_cost(const CombineSetup& setup, const PushPlan& plan,
                             std::size_t inbox_row_bytes, int rank);

/// A plan, and the inbox that this rank has for it: none where there are no rows.
class OwnersInbox {
public:
    /// Collective, without an obstacle.
    OwnersInbox(const CombineSetup& setup, PushPlan plan);

    [[nodiscard]] const PushPlan& plan() const { return plan_; }
    [[nodiscard]] std::span<const std::size_t> half_bytes() const { return half_bytes_; }
    /// Null on all ranks alike.
    [[nodiscard]] const PeerMemory* memory() const { return memory_.get(); }

private:
    PushPlan plan_;
    std::vector<std::size_t> half_bytes_;
    std::unique_ptr<PeerMemory> memory_;
};

}  // namespace moe
