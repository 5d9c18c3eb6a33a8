#include "comm/combine/combine.hpp"

namespace moe {

GroupGather::GroupGather(const CombineSetup& setup) : group_(setup.group) {}

Matrix GroupGather::owned_part(const Matrix& mine) const {
    const auto rows = mine.rows / group_.size();
    return mine.slice(group_.rank() * rows, rows);
}

void GroupGather::gather(const Matrix& mine, Stream& stream) const {
    if (group_.size() > 1) group_.all_gather(owned_part(mine), mine, stream);
}

Cost reduce_scatter_v_cost(const CombineSetup& setup) {
    const auto& owned = setup.owned;
    const int group = setup.group.size();
    Cost most;
    for (int rank = 0; rank < owned.ranks(); ++rank) {
        auto cost = ring_reduce_scatter_v(owned, setup.row_bytes(), rank);
        if (group > 1) {
            const auto sent = owned.rows(rank) * (group - 1) * setup.row_bytes();
            cost += {.link_bytes = sent, .memory_bytes = 2 * sent, .launches = 1};
        }
        if (rank == 0 || cost.link_bytes > most.link_bytes) most = cost;
    }
    return most;
}

}  // namespace moe
