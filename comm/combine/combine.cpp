#include "comm/combine/combine.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moe {

std::string to_string(const InputNeeds& needs) {
    std::string text(needs.weighted() ? "weighted_rows" : "partial_sums");
    if (needs.reach) text += fmt::format(":{}", to_string(*needs.reach));
    return text;
}

GroupGather::GroupGather(const CombineSetup& setup) : group_(setup.group) {}

Matrix GroupGather::owned_part(const Matrix& mine) const {
    const auto rows = mine.rows / group_.size();
    return mine.slice(group_.rank() * rows, rows);
}

Matrix GroupGather::gather(const Matrix& own, const Matrix& mine, Stream& stream) const {
    if (group_.size() == 1) return own;
    group_.all_gather(own, mine, stream);
    return mine;
}

void reduce_to_owners(Communicator& world, const Matrix& partial, const RowPartition& owned,
                      const Matrix& own, Stream& stream) {
    CommGroup group(world);
    for (int owner = 0; owner < world.size(); ++owner) {
        const auto theirs = partial.slice(owned.first(owner), owned.rows(owner));
        // All ranks know all sizes, so all leave out the same reductions.
        if (theirs.rows > 0) world.reduce(theirs, own, owner, stream);
    }
    group.close();
}

CopyIntoBlocks::CopyIntoBlocks(const CombineSetup& setup)
    : device_(setup.device), owned_(setup.owned) {
    copies_.reserve(static_cast<std::size_t>(owned_.owners()));
}

void CopyIntoBlocks::run(const Matrix& partial, std::byte* blocks, std::size_t block_bytes,
                         Stream& stream) {
    copies_.clear();
    for (int owner = 0; owner < owned_.ranks(); ++owner) {
        const auto rows = owned_.rows(owner);
        if (rows == 0) continue;
        auto* block = blocks + static_cast<std::size_t>(owner) * block_bytes;
        copies_.push_back(
            {partial.slice(owned_.first(owner), rows), {block, rows, partial.cols, partial.dtype}});
    }
    device_.copy_all(copies_, stream);
}

Cost owners_cost(const CombineSetup& setup, const std::function<Cost(int rank)>& of_rank) {
    const auto& owned = setup.owned;
    const int group = setup.group.size();
    Cost most;
    for (int rank = 0; rank < owned.ranks(); ++rank) {
        auto cost = of_rank(rank);
        if (group > 1) {
            const auto sent = owned.rows(rank) * (group - 1) * setup.row_bytes();
            cost += {.link_bytes = sent, .memory_bytes = 2 * sent, .launches = 1};
        }
        most.link_bytes = std::max(most.link_bytes, cost.link_bytes);
        most.memory_bytes = std::max(most.memory_bytes, cost.memory_bytes);
        most.launches = std::max(most.launches, cost.launches);
    }
    return most;
}

Cost reduce_scatter_v_cost(const CombineSetup& setup) {
    return owners_cost(setup, [&](int rank) {
        return ring_reduce_scatter_v(setup.owned, setup.row_bytes(), rank);
    });
}

}  // namespace moe
