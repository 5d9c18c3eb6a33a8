// One rooted reduce for each owner, one after the other: what grouping them gains is the difference
// to reduce_scatterv_grouped.
#include "comm/combine/owner_combine.hpp"

namespace moe {
namespace {

class ReduceScattervInTurn final : public OwnerCombine {
    using OwnerCombine::OwnerCombine;

    Matrix reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) override {
        const auto& owned = setup().owned;
        for (int owner = 0; owner < owned.ranks(); ++owner) {
            const auto theirs = in.rows.slice(owned.first(owner), owned.rows(owner));
            if (theirs.rows > 0) setup().world.reduce(theirs, own, owner, stream);
        }
        return own;
    }
};

}  // namespace

extern const CombineEntry reduce_scatterv_in_turn;
constinit const CombineEntry reduce_scatterv_in_turn{
    .name = "reduce_scatterv_in_turn",
    .summary = "one rooted reduce for each owner, one after the other",
    .form = Form::reduce_scatter,
    .obstacle = no_obstacle,
    .cost = reduce_to_owners_cost,
    .make = make<ReduceScattervInTurn>};

}  // namespace moe
