#include "comm/contract_cost.hpp"

namespace moe {

Cost contract_cost(const RowPartition& owned, int group_size, std::int64_t row_bytes) {
    const auto kept = group_size == 1 ? owned.smallest() : 0;
    const auto sent = owned.ranks() == 1 ? 0 : owned.total() - kept;
    return {.link_bytes = sent * row_bytes,
            .memory_bytes = (owned.total() + owned.largest() * group_size) * row_bytes};
}

}  // namespace moe
