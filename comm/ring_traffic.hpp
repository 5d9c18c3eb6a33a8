#pragma once

#include "comm/row_partition.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>

namespace moe {

/// What one strategy costs on one setup: of each number, the rank's that has most. `link_bytes` are
/// sent to other ranks, `memory_bytes` read and written in this rank's memory by the model below.
struct Cost {
    std::int64_t link_bytes{};
    std::int64_t memory_bytes{};
    int launches{};  ///< library calls and kernels that it enqueues
    int barriers{};  ///< times that all ranks wait for each other outside a library's collective
    std::size_t workspace_bytes{};

    Cost& operator+=(const Cost& other) {
        link_bytes += other.link_bytes;
        memory_bytes += other.memory_bytes;
        launches += other.launches;
        barriers += other.barriers;
        workspace_bytes += other.workspace_bytes;
        return *this;
    }
};

/// Of each number, the rank's that has most.
[[nodiscard]] Cost max_over_ranks(int ranks, const std::function<Cost(int rank)>& of_rank);

// Volumes of the ring algorithms, as nccl-tests' PERFORMANCE.md counts them; libraries may choose
// others (MPI's recursive doubling sends log2(N) times the buffer). In a reduction what comes is
// written and read again, all of one's own is read, and one's own sums are written; sums of others'
// rows are written where they go. In a gather what is sent is read and what comes is written.

/// Every rank ends with the sum of `bytes`: 2(N-1)/N of the buffer sent.
[[nodiscard]] Cost ring_all_reduce(std::int64_t bytes, int ranks);
/// `rank` ends with the sum of its own rows: it sends all rows but its own, whatever the split, and
/// gets all but those that the rank before it owns, whose sums it begins.
[[nodiscard]] Cost ring_reduce_scatter_v(const RowPartition& owned, std::int64_t row_bytes,
                                         int rank);
/// Every rank ends with all ranks' blocks of `block_bytes`; its own lies in its place before.
[[nodiscard]] Cost ring_all_gather(std::int64_t block_bytes, int ranks);
/// Every rank ends with all rows: it sends all but the next rank's own, and copies its own to their
/// place.
[[nodiscard]] Cost ring_all_gather_v(const RowPartition& owned, std::int64_t row_bytes);

}  // namespace moe
