#include "comm/ring_traffic.hpp"

#include <algorithm>

namespace moe {

Cost max_over_ranks(int ranks, const std::function<Cost(int rank)>& of_rank) {
    Cost most;
    for (int rank = 0; rank < ranks; ++rank) {
        const auto cost = of_rank(rank);
        most.link_bytes = std::max(most.link_bytes, cost.link_bytes);
        most.memory_bytes = std::max(most.memory_bytes, cost.memory_bytes);
        most.launches = std::max(most.launches, cost.launches);
        most.barriers = std::max(most.barriers, cost.barriers);
        most.workspace_bytes = std::max(most.workspace_bytes, cost.workspace_bytes);
    }
    return most;
}

Cost ring_all_reduce(std::int64_t bytes, int ranks) {
    // One rank alone still copies from `in` to `out`.
    if (ranks == 1) return {.memory_bytes = 2 * bytes, .launches = 1};
    // A reduce_scatter of blocks as even as they can be, then an all_gather of them.
    const auto block = bytes / ranks;
    const auto passed = bytes - block;
    return {.link_bytes = 2 * passed,
            .memory_bytes = (2 * passed + bytes + block) + 2 * passed,
            .launches = 1};
}

Cost ring_reduce_scatter_v(const RowPartition& owned, std::int64_t row_bytes, int rank) {
    if (owned.ranks() == 1) {
        return {.memory_bytes = 2 * owned.total() * row_bytes, .launches = 1};
    }
    const int before = (rank + owned.ranks() - 1) % owned.ranks();
    const auto sent = owned.total() - owned.rows(rank);
    const auto received = owned.total() - owned.rows(before);
    return {.link_bytes = sent * row_bytes,
            .memory_bytes = (2 * received + owned.total() + owned.rows(rank)) * row_bytes,
            .launches = 1};
}

Cost ring_all_gather(std::int64_t block_bytes, int ranks) {
    const auto sent = (ranks - 1) * block_bytes;
    return {.link_bytes = sent, .memory_bytes = 2 * sent, .launches = 1};
}

Cost ring_all_gather_v(const RowPartition& owned, std::int64_t row_bytes) {
    return max_over_ranks(owned.ranks(), [&](int rank) {
        const auto own = owned.rows(rank);
        const auto sent = owned.total() - owned.rows((rank + 1) % owned.ranks());
        const auto received = owned.total() - own;
        return Cost{.link_bytes = sent * row_bytes,
                    .memory_bytes = (sent + received + 2 * own) * row_bytes,
                    .launches = 1};
    });
}

}  // namespace moe
