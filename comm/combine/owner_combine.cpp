#include "comm/combine/owner_combine.hpp"

namespace moe {
namespace {

/// All ranks of a group own as many rows.
Cost group_gather_cost(const CombineSetup& setup, int rank, OwnSums sums) {
    if (setup.group.size() == 1) return {};
    const auto own = setup.owned.rows(rank) * setup.row_bytes();
    auto cost = ring_all_gather(own, setup.group.size());
    if (sums == OwnSums::elsewhere) cost.memory_bytes += 2 * own;
    return cost;
}

}  // namespace

Matrix OwnerCombine::run(const CombineInput& in, const Matrix& mine, Stream& stream) {
    auto& group = setup_.group;
    const auto rows = setup_.own_rows();
    const auto own = reduce_own(in, mine.slice(group.rank() * rows, rows), stream);
    if (group.size() == 1) return own;
    group.all_gather(own, mine, stream);
    return mine;
}

Cost owners_cost(const CombineSetup& setup, const std::function<Cost(int rank)>& of_rank,
                 OwnSums sums) {
    return max_over_ranks(setup.owned.ranks(), [&](int rank) {
        auto cost = of_rank(rank);
        cost += group_gather_cost(setup, rank, sums);
        return cost;
    });
}

Cost reduce_scatter_v_cost(const CombineSetup& setup) {
    return owners_cost(setup, [&](int rank) {
        return ring_reduce_scatter_v(setup.owned, setup.row_bytes(), rank);
    });
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

Cost reduce_to_owners_cost(const CombineSetup& setup) {
    auto cost = reduce_scatter_v_cost(setup);
    cost.launches += setup.owned.owners() - 1;  // instead of the one reduce_scatter
    return cost;
}

}  // namespace moe
