// Every rank sends each owner its rows as they are, and each owner adds up what it got: one
// exchange without arithmetic, then one pass that adds in f32 and rounds once, in the order of the
// ranks, whoever owns the row. Libraries' reductions round at every hop.
#include "comm/combine/owner_combine.hpp"

#include <fmt/format.h>

#include <vector>

namespace moe {
namespace {

std::size_t ranks(const CombineSetup& setup) {
    return static_cast<std::size_t>(setup.world.size());
}

/// A block of `rows` rows from each rank.
std::size_t inbox_bytes(const CombineSetup& setup, std::int64_t rows) {
    return ranks(setup) * static_cast<std::size_t>(rows * setup.row_bytes());
}

class ReduceScattervAlltoallv final : public OwnerCombine {
    using OwnerCombine::OwnerCombine;

    Matrix reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) override {
        auto& world = setup().world;
        const auto& owned = setup().owned;
        const int me = world.rank();
        const auto inbox = inbox_.matrix(own.rows * world.size(), own.cols, own.dtype);
        world.all_to_all_v(in.rows, owned, inbox, stream);
        for (int rank = 0; rank < world.size(); ++rank) {
            terms_[static_cast<std::size_t>(rank)] = rank == me
                                                         ? in.rows.slice(owned.first(me), own.rows)
                                                         : inbox.slice(rank * own.rows, own.rows);
        }
        setup().device.sum(terms_, own, stream);
        return own;
    }

    Buffer inbox_ = setup().device.allocate(inbox_bytes(setup(), setup().own_rows()));
    std::vector<Matrix> terms_ = std::vector<Matrix>(ranks(setup()));
};

Cost cost(const CombineSetup& setup) {
    const auto& owned = setup.owned;
    auto cost = owners_cost(setup, [&](int rank) {
        const auto sent = (owned.total() - owned.rows(rank)) * setup.row_bytes();
        const auto own = owned.rows(rank) * setup.row_bytes();
        const auto others = setup.world.size() - 1;
        // What is sent is read and what comes is written; then all of it and one's own is added up.
        return Cost{.link_bytes = sent,
                    .memory_bytes = sent + others * own + (others + 2) * own,
                    .launches = 2};
    });
    cost.workspace_bytes = inbox_bytes(setup, owned.largest());
    return cost;
}

}  // namespace

extern const CombineEntry reduce_scatterv_alltoallv;
constinit const CombineEntry reduce_scatterv_alltoallv{
    .name = "reduce_scatterv_alltoallv",
    .summary = "exchange rows as they are, add them up where they are wanted",
    .form = Form::reduce_scatter,
    .obstacle = [](const CombineSetup& setup) -> std::string {
        const auto most = setup.device.max_operands();
        if (ranks(setup) <= most) {
            return exchange_obstacle(setup.world, setup.owned.padded().total(), setup.cols);
        }
        return fmt::format("this device adds up at most {} matrices at once, not {}", most,
                           ranks(setup));
    },
    .cost = cost,
    .make = make<ReduceScattervAlltoallv>};

}  // namespace moe
