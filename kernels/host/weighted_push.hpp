#pragma once

#include "kernels/host/rank_flags.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moe {

/// Memory of calls of peer kernels; kept between them, since a call must not allocate.
struct PeerScratch {
    std::vector<Matrix> terms;
    std::vector<std::byte> partials;    ///< one row of each rank
    std::vector<std::uint32_t> counts;  ///< one of each rank
};

/// PeerKernels::push_weighted_sum on cores. Each rank first sums and sends what others add up, and
/// counts the rows that it has sent; then it adds up its own rows, each as soon as all others have
/// sent theirs. So an owner of most rows follows the others row by row. A rank runs ahead by one
/// call at most, which writes to the other half of the inboxes. Rows are sent by ordinary stores:
/// they stay in caches, from where owners fetch them.
void push_weighted_rows(const PeerTable& inbox, const PushWeightedSum& sum, const RankFlags& flags,
                        PeerScratch& scratch);

}  // namespace moe
