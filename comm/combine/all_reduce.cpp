#include "comm/combine/all_reduce.hpp"

namespace moe {

AllReduceRows::AllReduceRows(const CombineSetup& setup, AllReduceForm form)
    : first_(setup.group_first()),
      rows_(setup.group_rows()),
      all_reduce_(setup.world, form, static_cast<std::size_t>(setup.all_bytes())),
      sums_(setup.device.allocate(static_cast<std::size_t>(setup.all_bytes()))) {}

Matrix AllReduceRows::run(const CombineInput& in, Stream& stream) {
    const auto& partial = in.rows;
    const auto sums = sums_.matrix(partial.rows, partial.cols, partial.dtype);
    all_reduce_.run(partial, in.memory, sums, stream);
    return sums.slice(first_, rows_);
}

Cost AllReduceRows::cost(const CombineSetup& setup, AllReduceForm form) {
    auto cost = AllReduce::cost(form, setup.all_bytes(), setup.world.size());
    cost.workspace_bytes += static_cast<std::size_t>(setup.all_bytes());
    return cost;
}

Matrix AllReduceDpScatter::run(const CombineInput& in, const Matrix& mine, Stream& stream) {
    const auto sums = rows_.run(in, stream);
    device_.clear(mine, stream);
    device_.copy(sums, mine, stream);
    return mine;
}

Cost AllReduceDpScatter::cost(const CombineSetup& setup, AllReduceForm form) {
    auto cost = AllReduceRows::cost(setup, form);
    cost += {.memory_bytes = 3 * setup.largest_group_bytes(), .launches = 2};
    return cost;
}

}  // namespace moe
