// reduce_scatterv as one rooted reduce for each owner, all in flight together: what SGLang, vLLM
// and TensorRT-LLM do with NCCL, and with MPI one MPI_Ireduce for each owner and a wait for all.
#include "comm/combine/combine.hpp"

namespace moe {
namespace {

class ReduceScattervGrouped final : public Combine {
public:
    explicit ReduceScattervGrouped(const CombineSetup& setup)
        : world_(setup.world), owned_(setup.owned), group_gather_(setup) {}

    Matrix run(const CombineInput& in, const Matrix& mine, Stream& stream) override {
        const auto own = group_gather_.owned_part(mine);
        reduce_to_owners(world_, in.rows, owned_, own, stream);
        return group_gather_.gather(own, mine, stream);
    }

private:
    Communicator& world_;
    const RowPartition& owned_;
    GroupGather group_gather_;
};

Cost cost(const CombineSetup& setup) {
    auto cost = reduce_scatter_v_cost(setup);
    cost.launches += setup.owned.owners() - 1;  // instead of the one reduce_scatter
    return cost;
}

}  // namespace

extern const CombineEntry reduce_scatterv_grouped;
constinit const CombineEntry reduce_scatterv_grouped{
    .name = "reduce_scatterv_grouped",
    .summary = "one rooted reduce for each owner, in one group (SGLang)",
    .form = Form::reduce_scatter,
    .obstacle = no_obstacle,
    .cost = cost,
    .make = [](const CombineSetup& setup) -> std::unique_ptr<Combine> {
        return std::make_unique<ReduceScattervGrouped>(setup);
    }};

}  // namespace moe
