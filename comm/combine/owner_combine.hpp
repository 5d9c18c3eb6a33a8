#pragma once

#include "comm/combine/combine.hpp"

#include <cstdint>
#include <functional>

namespace moe {

/// A combine that leaves each rank the sums of the rows it owns, and then gathers them inside the
/// group: nothing in a group of one.
class OwnerCombine : public Combine {
public:
    explicit OwnerCombine(const CombineSetup& setup) : setup_(setup) {}
    [[nodiscard]] Matrix run(const CombineInput& in, const Matrix& mine, Stream& stream) final;

protected:
    [[nodiscard]] const CombineSetup& setup() const { return setup_; }

private:
    /// own [own_rows(), cols] is this rank's part of its group's rows. Returns where the sums of
    /// its rows are: in `own`, or in memory of the strategy's own. Only enqueues, as run() does.
    [[nodiscard]] virtual Matrix reduce_own(const CombineInput& in, const Matrix& own,
                                            Stream& stream) = 0;

    CombineSetup setup_;
};

/// Where reduce_own() leaves the sums: in `own`, or elsewhere, from where a gather copies them.
enum class OwnSums : std::uint8_t { in_place, elsewhere };

/// What reduce_own(), by `of_rank`, and the gather inside the group cost together: of each number,
/// the rank's that has most.
[[nodiscard]] Cost owners_cost(const CombineSetup& setup,
                               const std::function<Cost(int rank)>& of_rank,
                               OwnSums sums = OwnSums::in_place);
/// The same with a reduce_scatterv by a ring as reduce_own().
[[nodiscard]] Cost reduce_scatter_v_cost(const CombineSetup& setup);

/// One rooted reduce for each rank that owns rows, all in one group: own [owned.rows(rank), cols]
/// is the sum of this rank's rows.
void reduce_to_owners(Communicator& world, const Matrix& partial, const RowPartition& owned,
                      const Matrix& own, Stream& stream);
/// What that costs, with the gather inside the group.
[[nodiscard]] Cost reduce_to_owners_cost(const CombineSetup& setup);

}  // namespace moe
