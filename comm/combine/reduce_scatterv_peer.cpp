// reduce_scatterv by each rank for itself: it reads its rows of all ranks' partial sums where they
// lie, and adds them in f32, in the order of the ranks. Nothing is sent, copied or kept in between;
// ranks wait for each other before, until all sums are written, and after, until all are read.
#include "comm/combine/combine.hpp"

namespace moe {
namespace {

class ReduceScattervPeer final : public Combine {
public:
    explicit ReduceScattervPeer(const CombineSetup& setup)
        : kernels_(*setup.world.peer_kernels()),
          offset_(
              static_cast<std::size_t>(setup.owned.first(setup.world.rank()) * setup.row_bytes())),
          most_rows_(setup.owned.largest()),
          group_gather_(setup) {}

    Matrix run(const CombineInput& in, const Matrix& mine, Stream& stream) override {
        const auto own = group_gather_.owned_part(mine);
        kernels_.pull_sum(in.memory->table(),
                          {.rows = own, .offset = offset_, .most_rows = most_rows_}, stream);
        return group_gather_.gather(own, mine, stream);
    }

private:
    PeerKernels& kernels_;
    std::size_t offset_;  ///< of this rank's rows in every rank's partial sums
    std::int64_t most_rows_;
    GroupGather group_gather_;
};

Cost cost(const CombineSetup& setup) {
    const auto& owned = setup.owned;
    auto cost = owners_cost(setup, [&](int rank) {
        // Each partial sum is read once, by its owner; each result is written once.
        const auto own = owned.rows(rank);
        return Cost{.link_bytes = (owned.total() - own) * setup.row_bytes(),
                    .memory_bytes = (owned.total() + own) * setup.row_bytes(),
                    .launches = 1};
    });
    cost.barriers = 2;
    return cost;
}

}  // namespace

extern const CombineEntry reduce_scatterv_peer;
constinit const CombineEntry reduce_scatterv_peer{
    .name = "reduce_scatterv_peer",
    .summary = "read own rows of all ranks' memory and add them up (pull)",
    .form = Form::reduce_scatter,
    .obstacle =
        [](const CombineSetup& setup) { return setup.world.peer_obstacle(Reach::load_store); },
    .cost = cost,
    .make = [](const CombineSetup& setup) -> std::unique_ptr<Combine> {
        return std::make_unique<ReduceScattervPeer>(setup);
    },
    .input = [](const CombineSetup& /*setup*/) -> InputNeeds {
        return {.reach = Reach::load_store};
    }};

}  // namespace moe
