// reduce_scatterv by each rank for the others: it writes each owner's rows of its partial sums into
// the inbox of the rank that adds them up, in f32 and in the order of the ranks. That is the owner
// or, where one owner has most rows, also others that then forward their sums to it (PushShape). On
// a device words carry their own news, so that nobody waits for more than the words it adds.
#include "comm/combine/owner_combine.hpp"

#include <optional>
#include <vector>

namespace moe {
namespace {

/// Bytes that cross a link while a word goes from one GPU to another once more: 3 us at 363 GB/s,
/// as two linked H200 have them. Help must save the busiest link more than that.
constexpr std::int64_t kHopBytes = std::int64_t{1} << 20U;

PushPlan plan_of(const CombineSetup& setup, PushShape shape) {
    std::vector<std::int64_t> first;
    for (int rank = 0; rank <= setup.world.size(); ++rank) {
        first.push_back(rank < setup.world.size() ? setup.owned.first(rank) : setup.owned.total());
    }
    return {shape, first, static_cast<std::size_t>(setup.row_bytes())};
}

PushShape best_shape(const CombineSetup& setup) {
    const auto ingress = [&](PushShape shape) { return plan_of(setup, shape).largest_ingress(); };
    const auto saved = ingress(PushShape::direct) - ingress(PushShape::balanced);
    return saved > kHopBytes ? PushShape::balanced : PushShape::direct;
}

class ReduceScattervPush final : public OwnerCombine {
public:
    ReduceScattervPush(const CombineSetup& setup, PushShape shape)
        : OwnerCombine(setup), plan_(plan_of(setup, shape)) {
        for (int rank = 0; rank < plan_.ranks(); ++rank) {
            half_bytes_.push_back(plan_.half_bytes(rank));
        }
        if (setup.owned.total() == 0) return;
        inbox_ = setup.world.make_peer_memory(2 * plan_.half_bytes(setup.world.rank()),
                                              Reach::load_store);
    }

private:
    Matrix reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) override {
        if (!inbox_) return own;  // no rows, on all ranks alike
        setup().world.peer_kernels()->push_sum(
            inbox_->table(), {.in = in.rows, .plan = plan_, .half_bytes = half_bytes_, .out = own},
            stream);
        return own;
    }

    PushPlan plan_;
    std::vector<std::size_t> half_bytes_;
    std::unique_ptr<PeerMemory> inbox_;
};

Cost cost(const CombineSetup& setup, PushShape shape) {
    if (setup.owned.total() == 0) return owners_cost(setup, [](int) { return Cost{}; });
    const auto plan = plan_of(setup, shape);
    const auto all = setup.all_bytes();
    const auto others = std::int64_t{setup.world.size()} - 1;
    auto cost = owners_cost(setup, [&](int rank) {
        // Partial sums are read once; what others wrote for a rank is read by it, and then written
        // where it belongs.
        const auto own = setup.owned.rows(rank) * setup.row_bytes();
        const auto added = plan.added_bytes(rank);
        return Cost{.link_bytes = all - added + plan.forwarded_by(rank),
                    .memory_bytes = all + 2 * others * added + 2 * plan.forwarded_to(rank) + own,
                    .launches = 1,
                    .barriers = plan.forwards() ? 2 : 1};
    });
    for (int rank = 0; rank < setup.world.size(); ++rank) {
        cost.workspace_bytes = std::max(cost.workspace_bytes, 2 * plan.half_bytes(rank));
    }
    return cost;
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
        .by_name_only = by_name_only};
}

template <PushShape kShape>
PushShape always(const CombineSetup& /*setup*/) {
    return kShape;
}

}  // namespace

extern const CombineEntry reduce_scatterv_push;
constinit const CombineEntry reduce_scatterv_push = push_entry<best_shape>(
    "reduce_scatterv_push", "write owners' rows into inboxes, add what has come (push)", false);

extern const CombineEntry reduce_scatterv_push_direct;
constinit const CombineEntry reduce_scatterv_push_direct = push_entry<always<PushShape::direct>>(
    "reduce_scatterv_push:direct", "the same, each owner adds all of its rows", true);

extern const CombineEntry reduce_scatterv_push_balanced;
constinit const CombineEntry reduce_scatterv_push_balanced =
    push_entry<always<PushShape::balanced>>("reduce_scatterv_push:balanced",
                                            "the same, ranks of few rows help those of many", true);

}  // namespace moe
