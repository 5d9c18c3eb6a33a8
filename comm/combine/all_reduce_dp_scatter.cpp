// Reduce every row on every rank, then dp_scatter as SGLang does it, a clear of the output and a
// copy of one's own rows. The clear matters where padded buffers are longer than the rows that are
// copied; elsewhere it is waste, and it is timed because it is what runs.
#include "comm/combine/all_reduce.hpp"

namespace moe {
namespace {

class AllReduceDpScatter final : public Combine {
public:
    explicit AllReduceDpScatter(const CombineSetup& setup)
        : device_(setup.device), all_reduce_(setup) {}

    Matrix run(const CombineInput& in, const Matrix& mine, Stream& stream) override {
        const auto sums = all_reduce_.run(in.rows, stream);
        device_.clear(mine, stream);
        device_.copy(sums, mine, stream);
        return mine;
    }

private:
    Device& device_;
    AllReduceRows all_reduce_;
};

Cost cost(const CombineSetup& setup) {
    auto cost = AllReduceRows::cost(setup);
    cost += {.memory_bytes = 3 * setup.largest_group_bytes(), .launches = 2};
    return cost;
}

}  // namespace

extern const CombineEntry all_reduce_dp_scatter;
constinit const CombineEntry all_reduce_dp_scatter{
    .name = "all_reduce_dp_scatter",
    .summary = "all_reduce, then clear and copy own rows",
    .form = Form::all_reduce,
    .obstacle = no_obstacle,
    .cost = cost,
    .make = make<AllReduceDpScatter>};

}  // namespace moe
