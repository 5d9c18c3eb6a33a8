// all_gatherv by each rank for itself: it writes its rows to where they belong in every rank's
// matrix. Ranks wait for each other before, until the rows of the last call are read, and after,
// until all are written.
#include "comm/gather/gather.hpp"

namespace moe {
namespace {

class AllGathervPeer final : public Gather {
public:
    explicit AllGathervPeer(const GatherSetup& setup)
        : kernels_(*setup.world.peer_kernels()),
          offset_(
              static_cast<std::size_t>(setup.owned.first(setup.world.rank()) * setup.row_bytes())),
          max_rows_(setup.owned.largest()) {}

    void run(const Matrix& mine, const GatherOutput& all, Stream& stream) override {
        kernels_.push_copy(all.memory->table(),
                           {.rows = mine, .offset = offset_, .most_rows = max_rows_}, stream);
    }

private:
    PeerKernels& kernels_;
    std::size_t offset_;  ///< of this rank's rows in every rank's matrix
    std::int64_t max_rows_;
};

Cost cost(const GatherSetup& setup) {
    const auto& owned = setup.owned;
    // The rank with most rows sends most; every rank reads its own and all rows are written to it.
    return {.link_bytes = owned.largest() * (owned.ranks() - 1) * setup.row_bytes(),
            .memory_bytes = (owned.largest() + owned.total()) * setup.row_bytes(),
            .launches = 1,
            .barriers = 2};
}

}  // namespace

extern const GatherEntry all_gatherv_peer;
constinit const GatherEntry all_gatherv_peer{
    .name = "all_gatherv_peer",
    .summary = "write own rows into all ranks' memory (push)",
    .obstacle =
        [](const GatherSetup& setup) { return setup.world.peer_obstacle(Reach::load_store); },
    .cost = cost,
    .make = make<AllGathervPeer>,
    .output = [](const GatherSetup& /*setup*/) -> std::optional<Reach> {
        return Reach::load_store;
    }};

}  // namespace moe
