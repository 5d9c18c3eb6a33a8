#include "comm/combine/fused_pull.hpp"

#include "comm/combine/weighted_layout.hpp"

#include <cmath>

namespace moe {

void FusedPull::run_with_norm(const CombineInput& in, const ResidualNorm& norm, Stream& stream) {
    pull(in, norm.rows, &norm, stream);
}

Matrix FusedPull::reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) {
    pull(in, own, nullptr, stream);
    return own;
}

void FusedPull::pull(const CombineInput& in, const Matrix& own, const ResidualNorm* norm,
                     Stream& stream) {
    const auto& owned = setup().owned;
    setup().world.peer_kernels()->pull_weighted_sum(in.memory->table(),
                                                    {.rows = in.weights,
                                                     .dense = in.rows,
                                                     .first = owned.first(setup().world.rank()),
                                                     .out = own,
                                                     .most_rows = owned.largest(),
                                                     .norm = norm},
                                                    stream);
}

std::optional<std::int64_t> FusedPull::sent_bytes(const CombineInput& in) const {
    const auto offsets = downloaded_offsets(setup().device, in.weights);
    const auto at = [&](int rank) {
        return offsets[static_cast<std::size_t>(setup().owned.first(rank))];
    };
    const int me = setup().world.rank();
    const auto own = at(me + 1) - at(me);
    return (std::int64_t{offsets.back()} - own) * setup().expert_row_bytes();
}

std::string FusedPull::obstacle(const CombineSetup& setup) {
    const auto why = setup.world.peer_obstacle(Reach::load_store);
    return why.empty() ? setup.weighted.unreachable : why;
}

Cost FusedPull::cost(const CombineSetup& setup) {
    const auto& owned = setup.owned;
    return owners_cost(setup, [&](int rank) {
        const auto own = owned.rows(rank);
        const auto read = static_cast<double>(owned.total() - own) * setup.weighted.entries;
        return Cost{
            .link_bytes = std::llround(read * static_cast<double>(setup.expert_row_bytes())),
            .memory_bytes = own * setup.row_bytes(),
            .launches = 1,
            .barriers = 2};
    });
}

}  // namespace moe
