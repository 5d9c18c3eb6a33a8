// What SGLang up to 0.5.22 does when rows are not padded, with the library's all_reduce. It costs
// as much as all_reduce_dp_scatter's combine.
#include "comm/gather/zero_fill.hpp"

namespace moe {
namespace {

AllReduceForm by_library(const GatherSetup& /*setup*/) {
    return AllReduceForm::library;
}

}  // namespace

extern const GatherEntry all_reduce_zero_fill;
constinit const GatherEntry all_reduce_zero_fill = zero_fill_entry<by_library>(
    "all_reduce_zero_fill", "clear, copy own rows in, all_reduce (SGLang's SUM_LEN)");

}  // namespace moe
