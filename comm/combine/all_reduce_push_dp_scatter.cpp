// all_reduce_dp_scatter with an all_reduce of our own: every rank writes its partial sums to all
// others, and adds what has come. SGLang runs it for small matrices.
#include "comm/combine/all_reduce.hpp"

namespace moe {
namespace {

AllReduceForm by_push(const CombineSetup& /*setup*/) {
    return AllReduceForm::push;
}

}  // namespace

extern const CombineEntry all_reduce_push_dp_scatter;
constinit const CombineEntry all_reduce_push_dp_scatter =
    dp_scatter_entry<by_push>("all_reduce_push_dp_scatter",
                              "push own sums to all ranks and add, then clear and copy own rows");

}  // namespace moe
