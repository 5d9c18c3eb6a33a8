// reduce_scatterv as one rooted reduce for each owner, all in flight together: what SGLang, vLLM
// and TensorRT-LLM do with NCCL, and with MPI one MPI_Ireduce for each owner and a wait for all.
#include "comm/combine/owner_combine.hpp"

namespace moe {
namespace {

class ReduceScattervGrouped final : public OwnerCombine {
    using OwnerCombine::OwnerCombine;

    Matrix reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) override {
        reduce_to_owners(setup().world, in.rows, setup().owned, own, stream);
        return own;
    }
};

}  // namespace

extern const CombineEntry reduce_scatterv_grouped;
constinit const CombineEntry reduce_scatterv_grouped{
    .name = "reduce_scatterv_grouped",
    .summary = "one rooted reduce for each owner, in one group (SGLang)",
    .form = Form::reduce_scatter,
    .obstacle = no_obstacle,
    .cost = reduce_to_owners_cost,
    .make = make<ReduceScattervGrouped>};

}  // namespace moe
