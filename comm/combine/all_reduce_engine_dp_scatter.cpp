// The baseline as engines run it: all_reduce_dp_scatter with the all_reduce that SGLang chooses by
// the size of the matrix, the library's for large ones.
#include "comm/combine/all_reduce.hpp"

namespace moe {
namespace {

AllReduceForm by_engine(const CombineSetup& setup) {
    return engine_all_reduce(setup.world.size(), setup.all_bytes(), setup.captured);
}

}  // namespace

extern const CombineEntry all_reduce_engine_dp_scatter;
constinit const CombineEntry all_reduce_engine_dp_scatter = dp_scatter_entry<by_engine>(
    "all_reduce_engine_dp_scatter",
    "all_reduce in the form that SGLang chooses, then clear and copy own rows");

}  // namespace moe
