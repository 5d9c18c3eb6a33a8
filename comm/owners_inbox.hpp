#pragma once

#include "comm/communicator.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace moe {

/// The plan of a reduce_scatterv by push, and the inbox that this rank has for it: none where there
/// are no rows.
class OwnersInbox {
public:
    /// Collective, without an obstacle.
    OwnersInbox(Communicator& world, PushPlan plan);

    [[nodiscard]] const PushPlan& plan() const { return plan_; }
    [[nodiscard]] std::span<const std::size_t> half_bytes() const { return half_bytes_; }
    /// Null on all ranks alike.
    [[nodiscard]] const PeerMemory* memory() const { return memory_.get(); }

private:
    PushPlan plan_;
    std::vector<std::size_t> half_bytes_;
    UniquePeerMemory memory_;
};

}  // namespace moe
