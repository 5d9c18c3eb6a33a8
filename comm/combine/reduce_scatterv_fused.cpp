// The local combine and the reduce_scatterv in one step: the matrix of partial sums is never there.
// By push a row that a rank has expert rows for crosses once; by pull each of its expert rows does,
// but nothing is written on the way. Which is faster is told by the speeds of link and memory.
#include "comm/combine/fused_pull.hpp"
#include "comm/combine/fused_push.hpp"

#include <algorithm>
#include <cmath>

namespace moe {
namespace {

/// What the rank that is busiest takes in and reads, expert rows included, where its cost is of
/// what it sends and of what no router decides.
Cost busiest_push(const CombineSetup& setup, std::int64_t expert_bytes) {
    auto cost = FusedPush::cost(setup, setup.weighted.present);
    const auto ingress = FusedPush::largest_ingress(setup, setup.weighted.present);
    cost.link_bytes = std::max(cost.link_bytes, ingress);
    cost.memory_bytes += setup.owned.total() * expert_bytes;
    return cost;
}
Cost busiest_pull(const CombineSetup& setup, std::int64_t expert_bytes) {
    auto cost = FusedPull::cost(setup);
    const auto read = setup.owned.largest() * expert_bytes;  // of each rank
    cost.link_bytes = std::max(cost.link_bytes, (setup.world.size() - 1) * read);
    cost.memory_bytes += setup.world.size() * read;
    return cost;
}

/// Whether to pull: no later than a push by the speeds that were measured.
bool pulls(const CombineSetup& setup) {
    if (!setup.speeds || !FusedPull::obstacle(setup).empty()) return false;
    const auto expert_bytes =
        std::llround(setup.weighted.entries * static_cast<double>(setup.expert_row_bytes()));
    return limit_seconds(busiest_pull(setup, expert_bytes), *setup.speeds) <=
           limit_seconds(busiest_push(setup, expert_bytes), *setup.speeds);
}

std::string push_obstacle(const CombineSetup& setup) {
    return setup.world.peer_obstacle(Reach::load_store);
}

}  // namespace

extern const CombineEntry reduce_scatterv_fused_push;
constinit const CombineEntry reduce_scatterv_fused_push{
    .name = "reduce_scatterv_fused:push",
    .summary = "the same, sums are written into owners' inboxes",
    .form = Form::reduce_scatter,
    .obstacle = push_obstacle,
    .cost = [](const CombineSetup& setup) { return FusedPush::cost(setup); },
    .make = make<FusedPush>,
    .variant = FusedPush::variant,
    .input = [](const CombineSetup& /*setup*/) -> InputNeeds {
        return {.kind = InputNeeds::Kind::weighted_rows};
    },
    .fuses_norm = FusedPush::fuses_norm,
    .by_name_only = true};

extern const CombineEntry reduce_scatterv_fused_pull;
constinit const CombineEntry reduce_scatterv_fused_pull{
    .name = "reduce_scatterv_fused:pull",
    .summary = "the same, owners read expert rows where they lie",
    .form = Form::reduce_scatter,
    .obstacle = FusedPull::obstacle,
    .cost = FusedPull::cost,
    .make = make<FusedPull>,
    .variant = [](const CombineSetup& /*setup*/) -> std::string_view { return "pull"; },
    .input = [](const CombineSetup& /*setup*/) -> InputNeeds {
        return {.kind = InputNeeds::Kind::weighted_rows, .reach = Reach::load_store};
    },
    .fuses_norm = FusedPull::fuses_norm,
    .by_name_only = true};

namespace {

const CombineEntry& chosen(const CombineSetup& setup) {
    return pulls(setup) ? reduce_scatterv_fused_pull : reduce_scatterv_fused_push;
}

}  // namespace

extern const CombineEntry reduce_scatterv_fused;
constinit const CombineEntry reduce_scatterv_fused{
    .name = "reduce_scatterv_fused",
    .summary = "sum expert rows and reduce them to owners, in one: push or pull, by speeds",
    .form = Form::reduce_scatter,
    .obstacle = push_obstacle,  // where a push cannot run, neither can a pull
    .cost = [](const CombineSetup& setup) { return chosen(setup).cost(setup); },
    .make = [](const CombineSetup& setup) { return chosen(setup).make(setup); },
    .variant = [](const CombineSetup& setup) { return chosen(setup).variant(setup); },
    .input = [](const CombineSetup& setup) { return chosen(setup).input(setup); },
    .fuses_norm = [](const CombineSetup& setup) { return chosen(setup).fuses_norm(setup); },
    .by_speeds = true};

}  // namespace moe
