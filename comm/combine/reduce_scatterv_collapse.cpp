// What vLLM does: where every rank owns as many rows, one plain reduce_scatter, which libraries
// tune best; otherwise the rooted reduces of reduce_scatterv_grouped.
#include "comm/combine/owner_combine.hpp"

namespace moe {
namespace {

class ReduceScattervCollapse final : public OwnerCombine {
    using OwnerCombine::OwnerCombine;

    Matrix reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) override {
        if (even_) {
            setup().world.reduce_scatter(in.rows, own, stream);
        } else {
            reduce_to_owners(setup().world, in.rows, setup().owned, own, stream);
        }
        return own;
    }

    bool even_ = setup().owned.even();
};

Cost cost(const CombineSetup& setup) {
    return setup.owned.even() ? reduce_scatter_v_cost(setup) : reduce_to_owners_cost(setup);
}

}  // namespace

extern const CombineEntry reduce_scatterv_collapse;
constinit const CombineEntry reduce_scatterv_collapse{
    .name = "reduce_scatterv_collapse",
    .summary = "reduce_scatter where sizes are equal, else grouped (vLLM)",
    .form = Form::reduce_scatter,
    .obstacle = no_obstacle,
    .cost = cost,
    .make = make<ReduceScattervCollapse>,
    .variant = [](const CombineSetup& setup) -> std::string_view {
        return setup.owned.even() ? "reduce_scatter" : "grouped";
    }};

}  // namespace moe
