#include "comm/combine/fused_push.hpp"

#include "comm/combine/push_setup.hpp"
#include "comm/combine/weighted_layout.hpp"

#include <cmath>

namespace moe {
namespace {

std::size_t inbox_row_bytes(const CombineSetup& setup) {
    return PushWeightedSum::inbox_row_bytes(static_cast<std::size_t>(setup.row_bytes()));
}

PushPlan plan_of(const CombineSetup& setup) {
    return push_plan(setup, best_push_shape(setup), inbox_row_bytes(setup));
}

std::int64_t part(double share, std::int64_t bytes) {
    return std::llround(share * static_cast<double>(bytes));
}

}  // namespace

FusedPush::FusedPush(const CombineSetup& setup)
    : OwnerCombine(setup), inbox_(setup.world, plan_of(setup)) {}

void FusedPush::run_with_norm(const CombineInput& in, const ResidualNorm& norm, Stream& stream) {
    push(in, norm.rows, &norm, stream);
}

Matrix FusedPush::reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) {
    push(in, own, nullptr, stream);
    return own;
}

void FusedPush::push(const CombineInput& in, const Matrix& own, const ResidualNorm* norm,
                     Stream& stream) {
    if (inbox_.memory() == nullptr) return;  // no rows
    setup().world.peer_kernels()->push_weighted_sum(inbox_.memory()->table(),
                                                    {.rows = in.weights,
                                                     .dense = in.rows,
                                                     .plan = inbox_.plan(),
                                                     .half_bytes = inbox_.half_bytes(),
                                                     .out = own,
                                                     .norm = norm},
                                                    stream);
}

std::optional<std::int64_t> FusedPush::sent_bytes(const CombineInput& in) const {
    const auto offsets = downloaded_offsets(setup().device, in.weights);
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

Cost FusedPush::cost(const CombineSetup& setup, double sent) {
    if (setup.owned.total() == 0) return owners_cost(setup, [](int) { return Cost{}; });
    const auto plan = plan_of(setup);
    return owners_cost(setup, [&](int rank) {
        auto cost = push_cost(setup, plan, inbox_row_bytes(setup), rank);
        cost.link_bytes = part(sent, cost.link_bytes);
        return cost;
    });
}

std::int64_t FusedPush::largest_ingress(const CombineSetup& setup, double sent) {
    return part(sent, plan_of(setup).largest_ingress());
}

std::string_view FusedPush::variant(const CombineSetup& setup) {
    return best_push_shape(setup) == PushShape::direct ? "push" : "push_balanced";
}

}  // namespace moe
