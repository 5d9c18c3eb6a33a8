// What SGLang does when rows are not padded: clear the global buffer, copy one's own rows in, and
// all_reduce it. It costs as much as all_reduce_dp_scatter's combine.
#include "comm/gather/gather.hpp"

namespace moe {
namespace {

class AllReduceZeroFill final : public Gather {
public:
    explicit AllReduceZeroFill(const GatherSetup& setup)
        : device_(setup.device), world_(setup.world), owned_(setup.owned) {}

    void run(const Matrix& mine, const GatherOutput& out, Stream& stream) override {
        const auto& all = out.rows;
        device_.clear(all, stream);
        device_.copy(mine, all.slice(owned_.first(world_.rank()), mine.rows), stream);
        world_.all_reduce(all, all, stream);
    }

private:
    Device& device_;
    Communicator& world_;
    const RowPartition& owned_;
};

Cost cost(const GatherSetup& setup) {
    const auto all = setup.owned.total() * setup.row_bytes();
    auto cost = ring_all_reduce(all, setup.world.size());
    cost += {.memory_bytes = all + 2 * setup.owned.largest() * setup.row_bytes(), .launches = 2};
    return cost;
}

}  // namespace

extern const GatherEntry all_reduce_zero_fill;
constinit const GatherEntry all_reduce_zero_fill{
    .name = "all_reduce_zero_fill",
    .summary = "clear, copy own rows in, all_reduce (SGLang's SUM_LEN)",
    .obstacle = no_obstacle,
    .cost = cost,
    .make = make<AllReduceZeroFill>};

}  // namespace moe
