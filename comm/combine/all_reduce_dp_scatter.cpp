// The baseline of the library: reduce every row on every rank, then dp_scatter.
#include "comm/combine/all_reduce.hpp"

namespace moe {
namespace {

AllReduceForm by_library(const CombineSetup& /*setup*/) {
    return AllReduceForm::library;
}

constexpr CombineEntry entry() {
    auto entry = dp_scatter_entry<by_library>("all_reduce_dp_scatter",
                                              "all_reduce, then clear and copy own rows");
    entry.variant = only_variant;
    return entry;
}

}  // namespace

extern const CombineEntry all_reduce_dp_scatter;
constinit const CombineEntry all_reduce_dp_scatter = entry();

}  // namespace moe
