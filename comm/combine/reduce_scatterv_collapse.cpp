// What vLLM does: where every rank owns as many rows, one plain reduce_scatter, which libraries
// tune best; otherwise the rooted reduces of reduce_scatterv_grouped.
#include "comm/combine/combine.hpp"

namespace moe {
namespace {

class ReduceScattervCollapse final : public Combine {
public:
    explicit ReduceScattervCollapse(const CombineSetup& setup)
        : world_(setup.world), owned_(setup.owned), even_(owned_.even()), group_gather_(setup) {}

    Matrix run(const CombineInput& in, const Matrix& mine, Stream& stream) override {
        const auto own = group_gather_.owned_part(mine);
        if (even_) {
            world_.reduce_scatter(in.rows, own, stream);
        } else {
            reduce_to_owners(world_, in.rows, owned_, own, stream);
        }
        return group_gather_.gather(own, mine, stream);
    }

private:
    Communicator& world_;
    const RowPartition& owned_;
    bool even_;
    GroupGather group_gather_;
};

Cost cost(const CombineSetup& setup) {
    auto cost = reduce_scatter_v_cost(setup);
    if (!setup.owned.even()) cost.launches += setup.owned.owners() - 1;
    return cost;
}

}  // namespace

extern const CombineEntry reduce_scatterv_collapse;
constinit const CombineEntry reduce_scatterv_collapse{
    .name = "reduce_scatterv_collapse",
    .summary = "reduce_scatter where sizes are equal, else grouped (vLLM)",
    .form = Form::reduce_scatter,
    .obstacle = no_obstacle,
    .cost = cost,
    .make = [](const CombineSetup& setup) -> std::unique_ptr<Combine> {
        return std::make_unique<ReduceScattervCollapse>(setup);
    },
    .variant = [](const CombineSetup& setup) -> std::string_view {
        return setup.owned.even() ? "reduce_scatter" : "grouped";
    }};

}  // namespace moe
