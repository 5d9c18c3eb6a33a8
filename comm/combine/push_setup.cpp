#include "comm/combine/push_setup.hpp"

#include <algorithm>
#include <vector>

namespace moe {
namespace {

/// Bytes that cross a link while a word goes from one GPU to another once more: 2.8 us at 363 GB/s.
/// On four linked H200 direct and balanced take as long where that is what help saves the busiest
/// link; it must save more.
constexpr std::int64_t kHopBytes = 1'000'000;

}  // namespace

PushPlan push_plan(const CombineSetup& setup, PushShape shape, std::size_t row_bytes) {
    std::vector<std::int64_t> first;
    for (int rank = 0; rank < setup.world.size(); ++rank) first.push_back(setup.owned.first(rank));
    first.push_back(setup.owned.total());
    return {shape, first, row_bytes};
}

PushShape best_push_shape(const CombineSetup& setup) {
    const auto ingress = [&](PushShape shape) {
        return push_plan(setup, shape, static_cast<std::size_t>(setup.row_bytes()))
            .largest_ingress();
    };
    const auto saved = ingress(PushShape::direct) - ingress(PushShape::balanced);
    return saved > kHopBytes ? PushShape::balanced : PushShape::direct;
}

Cost push_cost(const CombineSetup& setup, const PushPlan& plan, std::size_t inbox_row_bytes,
               int rank) {
    const auto of_rows = [&](std::int64_t inbox_bytes) {
        return inbox_bytes / static_cast<std::int64_t>(inbox_row_bytes) * setup.row_bytes();
    };
    const auto others = std::int64_t{setup.world.size()} - 1;
    const auto added = of_rows(plan.added_bytes(rank));
    // What others wrote for a rank is read by it, and written where it belongs.
    Cost cost{.link_bytes = setup.all_bytes() - added + of_rows(plan.forwarded_by(rank)),
              .memory_bytes = 2 * others * added + 2 * of_rows(plan.forwarded_to(rank)) +
                              setup.owned.rows(rank) * setup.row_bytes(),
              .launches = 1,
              .barriers = plan.forwards() ? 2 : 1};
    for (int peer = 0; peer < plan.ranks(); ++peer) {
        cost.workspace_bytes = std::max(cost.workspace_bytes, 2 * plan.half_bytes(peer));
    }
    return cost;
}

}  // namespace moe
