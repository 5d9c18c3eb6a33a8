// reduce_scatterv as the library has it: MPI_Reduce_scatter. NCCL has none.
#include "comm/combine/owner_combine.hpp"

namespace moe {
namespace {

class ReduceScattervNative final : public OwnerCombine {
    using OwnerCombine::OwnerCombine;

    Matrix reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) override {
        setup().world.reduce_scatter_v(in.rows, setup().owned, own, stream);
        return own;
    }
};

}  // namespace

extern const CombineEntry reduce_scatterv_native;
constinit const CombineEntry reduce_scatterv_native{
    .name = "reduce_scatterv_native",
    .summary = "the library's own uneven reduce_scatter",
    .form = Form::reduce_scatter,
    .obstacle = [](const CombineSetup& setup) -> std::string {
        if (setup.world.has_reduce_scatter_v()) return {};
        return "this backend's library has no uneven reduce_scatter";
    },
    .cost = reduce_scatter_v_cost,
    .make = make<ReduceScattervNative>};

}  // namespace moe
