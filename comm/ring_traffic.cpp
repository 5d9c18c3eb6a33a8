#include "comm/ring_traffic.hpp"

namespace moe {

Cost ring_all_reduce(std::int64_t bytes, int ranks) {
    // One rank alone still copies from `in` to `out`.
    if (ranks == 1) return {.memory_bytes = 2 * bytes, .launches = 1};
    const auto step = bytes / ranks * (ranks - 1);
    return {.link_bytes = 2 * step, .memory_bytes = (3 + 2) * step, .launches = 1};
}

Cost ring_reduce_scatter_v(const RowPartition& owned, std::int64_t row_bytes, int rank) {
    if (owned.ranks() == 1) {
        return {.memory_bytes = 2 * owned.total() * row_bytes, .launches = 1};
    }
    const auto sent = (owned.total() - owned.rows(rank)) * row_bytes;
    return {.link_bytes = sent, .memory_bytes = 3 * sent, .launches = 1};
}

Cost ring_all_gather_v(const RowPartition& owned, std::int64_t row_bytes) {
    if (owned.ranks() == 1) {
        return {.memory_bytes = 2 * owned.total() * row_bytes, .launches = 1};
    }
    const auto sent = (owned.total() - owned.smallest()) * row_bytes;
    return {.link_bytes = sent, .memory_bytes = 2 * sent, .launches = 1};
}

}  // namespace moe
