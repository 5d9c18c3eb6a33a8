#include "comm/owners_inbox.hpp"

#include <algorithm>
#include <utility>

namespace moe {

OwnersInbox::OwnersInbox(Communicator& world, PushPlan plan) : plan_(std::move(plan)) {
    for (int rank = 0; rank < plan_.ranks(); ++rank) half_bytes_.push_back(plan_.half_bytes(rank));
    const auto has_rows = [](const PushPiece& piece) { return piece.bytes > 0; };
    if (std::ranges::none_of(plan_.pieces(), has_rows)) return;
    memory_ = world.make_peer_memory(2 * plan_.half_bytes(world.rank()), Reach::load_store);
}

}  // namespace moe
