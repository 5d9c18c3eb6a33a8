#include "comm/gather/zero_fill.hpp"

namespace moe {

ZeroFillGather::ZeroFillGather(const GatherSetup& setup, AllReduceForm form)
    : device_(setup.device),
      first_(setup.owned.first(setup.world.rank())),
      all_reduce_(setup.world, form,
                  static_cast<std::size_t>(setup.owned.total() * setup.row_bytes())) {}

void ZeroFillGather::run(const Matrix& mine, const GatherOutput& out, Stream& stream) {
    const auto& all = out.rows;
    device_.clear(all, stream);
    device_.copy(mine, all.slice(first_, mine.rows), stream);
    all_reduce_.run(all, out.memory, all, stream);
}

Cost ZeroFillGather::cost(const GatherSetup& setup, AllReduceForm form) {
    const auto all = setup.owned.total() * setup.row_bytes();
    auto cost = AllReduce::cost(form, all, setup.world.size());
    cost += {.memory_bytes = all + 2 * setup.owned.largest() * setup.row_bytes(), .launches = 2};
    return cost;
}

}  // namespace moe
