// reduce_scatterv as the library has it: MPI_Reduce_scatter. NCCL has none.
#include "comm/combine/combine.hpp"

namespace moe {
namespace {

class ReduceScattervNative final : public Combine {
public:
    explicit ReduceScattervNative(const CombineSetup& setup)
        : world_(setup.world), owned_(setup.owned), group_gather_(setup) {}

    Matrix run(const CombineInput& in, const Matrix& mine, Stream& stream) override {
        const auto own = group_gather_.owned_part(mine);
        world_.reduce_scatter_v(in.rows, owned_, own, stream);
        return group_gather_.gather(own, mine, stream);
    }

private:
    Communicator& world_;
    const RowPartition& owned_;
    GroupGather group_gather_;
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
    .make = [](const CombineSetup& setup) -> std::unique_ptr<Combine> {
        return std::make_unique<ReduceScattervNative>(setup);
    }};

}  // namespace moe
