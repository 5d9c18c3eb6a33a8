// The local combine and the reduce_scatterv in one step: each rank sums, for every row, the expert
// rows that it has for it and writes the sum into the inbox of the rank that adds it up, as
// reduce_scatterv_push does. The matrix of partial sums is never there, and rows that a rank has no
// expert rows for are not sent.
#include "comm/combine/owner_combine.hpp"
#include "comm/combine/push_setup.hpp"

#include <vector>

namespace moe {
namespace {

std::size_t inbox_row_bytes(const CombineSetup& setup) {
    return PushWeightedSum::inbox_row_bytes(static_cast<std::size_t>(setup.row_bytes()));
}

PushPlan plan_of(const CombineSetup& setup) {
    return push_plan(setup, best_push_shape(setup), inbox_row_bytes(setup));
}

class ReduceScattervFused final : public OwnerCombine {
public:
    explicit ReduceScattervFused(const CombineSetup& setup)
        : OwnerCombine(setup), inbox_(setup.world, plan_of(setup)) {}

    std::optional<std::int64_t> sent_bytes(const CombineInput& in) const override {
        const auto rows = static_cast<std::size_t>(setup().owned.total());
        std::vector<std::int32_t> offsets(rows + 1);
        setup().device.download(reinterpret_cast<const std::byte*>(in.weights.offsets),
                                reinterpret_cast<std::byte*>(offsets.data()),
                                offsets.size() * sizeof offsets.front());
        const auto row_bytes = inbox_row_bytes(setup());
        std::int64_t sent = 0;
        for (const auto& piece : inbox_.plan().pieces()) {
            const auto first = piece.offset / row_bytes;
            const auto end = first + piece.bytes / row_bytes;
            const bool own = piece.helper == setup().world.rank();
            if (own && piece.forwarded()) sent += static_cast<std::int64_t>(end - first);
            if (own) continue;
            for (auto row = first; row < end; ++row) sent += offsets[row] < offsets[row + 1];
        }
        return sent * setup().row_bytes();
    }

private:
    Matrix reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) override {
        if (inbox_.memory() == nullptr) return own;  // no rows
        setup().world.peer_kernels()->push_weighted_sum(inbox_.memory()->table(),
                                                        {.rows = in.weights,
                                                         .dense = in.rows,
                                                         .plan = inbox_.plan(),
                                                         .half_bytes = inbox_.half_bytes(),
                                                         .out = own},
                                                        stream);
        return own;
    }

    OwnersInbox inbox_;
};

/// Of rows that all ranks have expert rows for; how many of those are read is up to the router.
Cost cost(const CombineSetup& setup) {
    if (setup.owned.total() == 0) return owners_cost(setup, [](int) { return Cost{}; });
    const auto plan = plan_of(setup);
    return owners_cost(
        setup, [&](int rank) { return push_cost(setup, plan, inbox_row_bytes(setup), rank); });
}

}  // namespace

extern const CombineEntry reduce_scatterv_fused;
constinit const CombineEntry reduce_scatterv_fused{
    .name = "reduce_scatterv_fused",
    .summary = "sum expert rows and write owners' rows into inboxes, in one (push)",
    .form = Form::reduce_scatter,
    .obstacle =
        [](const CombineSetup& setup) { return setup.world.peer_obstacle(Reach::load_store); },
    .cost = cost,
    .make = make<ReduceScattervFused>,
    .variant = [](const CombineSetup& setup) -> std::string_view {
        return best_push_shape(setup) == PushShape::direct ? "push" : "push_balanced";
    },
    .input = [](const CombineSetup& /*setup*/) -> InputNeeds {
        return {.kind = InputNeeds::Kind::weighted_rows};
    }};

}  // namespace moe
