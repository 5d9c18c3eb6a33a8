// reduce_scatterv by each rank for itself: it reads its rows of all ranks' partial sums where they
// lie, and adds them in f32, in the order of the ranks. Nothing is sent, copied or kept in between;
// ranks wait for each other before, until all sums are written, and after, until all are read.
#include "comm/combine/owner_combine.hpp"

namespace moe {
namespace {

class ReduceScattervPeer final : public OwnerCombine {
public:
    using OwnerCombine::OwnerCombine;

    void run_with_norm(const CombineInput& in, const ResidualNorm& norm, Stream& stream) override {
        pull(in, norm.rows, &norm, stream);
    }

private:
    Matrix reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) override {
        pull(in, own, nullptr, stream);
        return own;
    }
    void pull(const CombineInput& in, const Matrix& own, const ResidualNorm* norm, Stream& stream) {
        kernels_.pull_sum(
            in.memory->table(),
            {.rows = own, .offset = offset_, .most_rows = setup().owned.largest(), .norm = norm},
            stream);
    }

    PeerKernels& kernels_ = *setup().world.peer_kernels();
    /// Bytes of every rank's partial sums that lie before this rank's rows.
    std::size_t offset_ =
        static_cast<std::size_t>(setup().owned.first(setup().world.rank()) * setup().row_bytes());
};

Cost cost(const CombineSetup& setup) {
    const auto& owned = setup.owned;
    return owners_cost(setup, [&](int rank) {
        // Each partial sum is read once, by its owner; each result is written once.
        const auto own = owned.rows(rank);
        return Cost{.link_bytes = (owned.total() - own) * setup.row_bytes(),
                    .memory_bytes = (owned.total() + own) * setup.row_bytes(),
                    .launches = 1,
                    .barriers = 2};
    });
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
    .make = make<ReduceScattervPeer>,
    .input = [](const CombineSetup& /*setup*/) -> InputNeeds {
        return {.reach = Reach::load_store};
    },
    .fuses_norm =
        [](const CombineSetup& setup) { return fuses_norm_in(OwnersPass::pull_sum, setup); }};

}  // namespace moe
