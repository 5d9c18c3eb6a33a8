// Every rank's rows, as many as it has: MPI_Allgatherv, or grouped broadcasts with NCCL.
#include "comm/gather/gather.hpp"

namespace moe {
namespace {

class AllGatherv final : public Gather {
public:
    explicit AllGatherv(const GatherSetup& setup) : world_(setup.world), owned_(setup.owned) {}

    void run(const Matrix& mine, const GatherOutput& out, Stream& stream) override {
        world_.all_gather_v(mine, owned_, out.rows, stream);
    }

private:
    Communicator& world_;
    const RowPartition& owned_;
};

Cost cost(const GatherSetup& setup) {
    return ring_all_gather_v(setup.owned, setup.row_bytes());
}

}  // namespace

extern const GatherEntry all_gatherv;
constinit const GatherEntry all_gatherv{
    .name = "all_gatherv",
    .summary = "each rank's rows, unpadded",
    .obstacle = no_obstacle,
    .cost = cost,
    .make = make<AllGatherv>,
};

}  // namespace moe
