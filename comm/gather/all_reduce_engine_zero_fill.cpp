// What SGLang does in decode steps from 0.5.23 on: the gather is one all_reduce of the form that it
// chooses by the size of the matrix.
#include "comm/gather/zero_fill.hpp"

namespace moe {
namespace {

AllReduceForm by_engine(const GatherSetup& setup) {
    return engine_all_reduce(setup.world.size(), setup.owned.total() * setup.row_bytes(),
                             setup.captured);
}

}  // namespace

extern const GatherEntry all_reduce_engine_zero_fill;
constinit const GatherEntry all_reduce_engine_zero_fill = zero_fill_entry<by_engine>(
    "all_reduce_engine_zero_fill",
    "clear, copy own rows in, all_reduce in the form that SGLang chooses");

}  // namespace moe
