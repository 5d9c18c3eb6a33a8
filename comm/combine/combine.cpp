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

Cost GroupGather::cost(const CombineSetup& setup) {
    const int ranks = setup.group.size();
    if (ranks == 1) return {};
    const auto sent = setup.owned.largest() * (ranks - 1) * setup.row_bytes();
    return {.link_bytes = sent, .memory_bytes = 2 * sent, .launches = 1};
}

}  // namespace moe
