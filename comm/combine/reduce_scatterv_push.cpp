// reduce_scatterv by each rank for the others: it writes each owner's rows of its partial sums into
// the owner's inbox, and adds up what has come for its own, in f32 and in the order of the ranks.
// On a device words carry their own news, so that nobody waits for more than the words it adds.
#include "comm/combine/owner_combine.hpp"

#include <vector>

namespace moe {
namespace {

std::int64_t own_bytes(const CombineSetup& setup, int rank) {
    return setup.owned.rows(rank) * setup.row_bytes();
}

std::size_t inbox_bytes(const CombineSetup& setup, int rank) {
    if (setup.owned.total() == 0) return 0;
    return PushInbox::bytes_for(setup.world.size(),
                                static_cast<std::size_t>(own_bytes(setup, rank)));
}

class ReduceScattervPush final : public OwnerCombine {
public:
    explicit ReduceScattervPush(const CombineSetup& setup) : OwnerCombine(setup) {
        for (int rank = 0; rank < setup.world.size(); ++rank) {
            first_.push_back(setup.owned.first(rank));
            const auto bytes = static_cast<std::size_t>(own_bytes(setup, rank));
            slot_bytes_.push_back(PushInbox::slot_for(bytes));
        }
        first_.push_back(setup.owned.total());
        const auto bytes = inbox_bytes(setup, setup.world.rank());
        if (bytes > 0) inbox_ = setup.world.make_peer_memory(bytes, Reach::load_store);
    }

private:
    Matrix reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) override {
        if (!inbox_) return own;  // no rows, on all ranks alike
        setup().world.peer_kernels()->push_sum(
            inbox_->table(),
            {.in = in.rows, .first = first_, .slot_bytes = slot_bytes_, .out = own}, stream);
        return own;
    }

    std::vector<std::int64_t> first_;
    std::vector<std::size_t> slot_bytes_;
    std::unique_ptr<PeerMemory> inbox_;
};

Cost cost(const CombineSetup& setup) {
    if (setup.owned.total() == 0) return owners_cost(setup, [](int) { return Cost{}; });
    const auto all = setup.all_bytes();
    const auto others = std::int64_t{setup.world.size()} - 1;
    auto cost = owners_cost(setup, [&](int rank) {
        // Partial sums are read once; what others wrote for a rank is read by it.
        const auto own = own_bytes(setup, rank);
        return Cost{.link_bytes = all - own,
                    .memory_bytes = all + (2 * others + 1) * own,
                    .launches = 1,
                    .barriers = 1};
    });
    for (int rank = 0; rank < setup.world.size(); ++rank) {
        cost.workspace_bytes = std::max(cost.workspace_bytes, inbox_bytes(setup, rank));
    }
    return cost;
}

}  // namespace

extern const CombineEntry reduce_scatterv_push;
constinit const CombineEntry reduce_scatterv_push{
    .name = "reduce_scatterv_push",
    .summary = "write each owner's rows into its inbox, add what has come (push)",
    .form = Form::reduce_scatter,
    .obstacle =
        [](const CombineSetup& setup) { return setup.world.peer_obstacle(Reach::load_store); },
    .cost = cost,
    .make = make<ReduceScattervPush>};

}  // namespace moe
