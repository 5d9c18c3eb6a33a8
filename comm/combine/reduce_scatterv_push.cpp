// reduce_scatterv by each rank for the others: it writes each owner's rows of its partial sums into
// the inbox of the rank that adds them up, in f32 and in the order of the ranks. That is the owner
// or, where one owner has most rows, also others that then forward their sums to it (PushShape). On
// a device words carry their own news, so that nobody waits for more than the words it adds.
#include "comm/combine/owner_combine.hpp"
#include "comm/combine/push_setup.hpp"

namespace moe {
namespace {

PushPlan plan_of(const CombineSetup& setup, PushShape shape) {
    return push_plan(setup, shape, static_cast<std::size_t>(setup.row_bytes()));
}

class ReduceScattervPush final : public OwnerCombine {
public:
    ReduceScattervPush(const CombineSetup& setup, PushShape shape)
        : OwnerCombine(setup), inbox_(setup.world, plan_of(setup, shape)) {}

    void run_with_norm(const CombineInput& in, const ResidualNorm& norm, Stream& stream) override {
        push(in, norm.rows, &norm, stream);
    }

private:
    Matrix reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) override {
        push(in, own, nullptr, stream);
        return own;
    }
    void push(const CombineInput& in, const Matrix& own, const ResidualNorm* norm, Stream& stream) {
        if (inbox_.memory() == nullptr) return;  // no rows
        setup().world.peer_kernels()->push_sum(inbox_.memory()->table(),
                                               {.in = in.rows,
                                                .plan = inbox_.plan(),
                                                .half_bytes = inbox_.half_bytes(),
                                                .out = own,
                                                .norm = norm},
                                               stream);
    }

    OwnersInbox inbox_;
};

Cost cost(const CombineSetup& setup, PushShape shape) {
    if (setup.owned.total() == 0) return owners_cost(setup, [](int) { return Cost{}; });
    const auto plan = plan_of(setup, shape);
    return owners_cost(setup, [&](int rank) {
        auto cost = push_cost(setup, plan, static_cast<std::size_t>(setup.row_bytes()), rank);
        cost.memory_bytes += setup.all_bytes();  // partial sums are read once
        return cost;
    });
}

/// The shape for a setup.
using ChooseShape = PushShape (*)(const CombineSetup&);

template <ChooseShape kChoose>
constexpr CombineEntry push_entry(std::string_view name, std::string_view summary,
                                  bool by_name_only) {
    return {
        .name = name,
        .summary = summary,
        .form = Form::reduce_scatter,
        .obstacle =
            [](const CombineSetup& setup) { return setup.world.peer_obstacle(Reach::load_store); },
        .cost = [](const CombineSetup& setup) { return cost(setup, kChoose(setup)); },
        .make = [](const CombineSetup& setup) -> std::unique_ptr<Combine> {
            return std::make_unique<ReduceScattervPush>(setup, kChoose(setup));
        },
        .variant = [](const CombineSetup& setup) { return to_string(kChoose(setup)); },
        .fuses_norm =
            [](const CombineSetup& setup) { return fuses_norm_in(OwnersPass::push_sum, setup); },
        .by_name_only = by_name_only};
}

template <PushShape kShape>
PushShape always(const CombineSetup& /*setup*/) {
    return kShape;
}

}  // namespace

extern const CombineEntry reduce_scatterv_push;
constinit const CombineEntry reduce_scatterv_push = push_entry<best_push_shape>(
    "reduce_scatterv_push", "write owners' rows into inboxes, add what has come (push)", false);

extern const CombineEntry reduce_scatterv_push_direct;
constinit const CombineEntry reduce_scatterv_push_direct = push_entry<always<PushShape::direct>>(
    "reduce_scatterv_push:direct", "the same, each owner adds all of its rows", true);

extern const CombineEntry reduce_scatterv_push_balanced;
constinit const CombineEntry reduce_scatterv_push_balanced =
    push_entry<always<PushShape::balanced>>("reduce_scatterv_push:balanced",
                                            "the same, ranks of few rows help those of many", true);

}  // namespace moe
