#include "comm/ring_traffic.hpp"

namespace moe {

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

Cost ring_all_gather_v(const RowPartition& owned, std::int64_t row_bytes) {
    if (owned.ranks() == 1) {
        return {.memory_bytes = 2 * owned.total() * row_bytes, .launches = 1};
    }
    const auto sent = (owned.total() - owned.smallest()) * row_bytes;
    return {.link_bytes = sent, .memory_bytes = 2 * sent, .launches = 1};
}

}  // namespace moe
