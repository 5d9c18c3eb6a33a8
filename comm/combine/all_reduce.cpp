#include "comm/combine/all_reduce.hpp"

namespace moe {
namespace {

std::int64_t all_bytes(const CombineSetup& setup) {
    return setup.owned.total() * setup.row_bytes();
}

}  // namespace

AllReduceRows::AllReduceRows(const CombineSetup& setup)
    : world_(setup.world),
      first_(setup.group_first()),
      rows_(setup.group_rows()),
      sums_(setup.device.allocate(static_cast<std::size_t>(all_bytes(setup)))) {}

Matrix AllReduceRows::run(const Matrix& partial, Stream& stream) {
    const auto sums = sums_.matrix(partial.rows, partial.cols, partial.dtype);
    world_.all_reduce(partial, sums, stream);
    return sums.slice(first_, rows_);
}

Cost AllReduceRows::cost(const CombineSetup& setup) {
    auto cost = ring_all_reduce(all_bytes(setup), setup.world.size());
    cost.workspace_bytes = static_cast<std::size_t>(all_bytes(setup));
    return cost;
}

}  // namespace moe
