// reduce_scatterv as one rooted reduce for each owner, all in flight together: what SGLang, vLLM
// and TensorRT-LLM do with NCCL, and with MPI one MPI_Ireduce for each owner and a wait for all.
#include "comm/combine/combine.hpp"

namespace moe {
namespace {

class ReduceScattervGrouped final : public Combine {
public:
    explicit ReduceScattervGrouped(const CombineSetup& setup)
        : world_(setup.world), owned_(setup.owned), group_gather_(setup) {}

    Matrix run(const Matrix& partial, const Matrix& mine, Stream& stream) override {
        const auto own = group_gather_.owned_part(mine);
        world_.group([&] {
            for (int owner = 0; owner < world_.size(); ++owner) {
                const auto theirs = partial.slice(owned_.first(owner), owned_.rows(owner));
                // All ranks know all sizes, so all leave out the same reductions.
                if (theirs.rows > 0) world_.reduce(theirs, own, owner, stream);
            }
        });
        group_gather_.gather(mine, stream);
        return mine;
    }

private:
    Communicator& world_;
    const RowPartition& owned_;
    GroupGather group_gather_;
};

Cost cost(const CombineSetup& setup) {
    auto cost = reduce_scatter_v_cost(setup);
    cost.launches -= 1;  // the one reduce_scatter that this is not
    for (int owner = 0; owner < setup.owned.ranks(); ++owner) {
        cost.launches += setup.owned.rows(owner) > 0 ? 1 : 0;
    }
    return cost;
}

}  // namespace

extern const CombineEntry reduce_scatterv_grouped;
constinit const CombineEntry reduce_scatterv_grouped{
    .name = "reduce_scatterv_grouped",
    .summary = "one rooted reduce for each owner, in one group (SGLang)",
    .baseline = false,
    .obstacle = no_obstacle,
    .cost = cost,
    .make = [](const CombineSetup& setup) -> std::unique_ptr<Combine> {
        return std::make_unique<ReduceScattervGrouped>(setup);
    }};

}  // namespace moe
