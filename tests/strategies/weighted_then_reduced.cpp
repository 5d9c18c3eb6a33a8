#include "tests/strategies/weighted_then_reduced.hpp"

namespace moe {

extern const CombineEntry weighted_then_reduced;
constinit const CombineEntry weighted_then_reduced{
    .name = "weighted_then_reduced",
    .summary = "the local combine as a part of the strategy, then all_reduce",
    .form = Form::all_reduce,
    .obstacle = no_obstacle,
    .cost = WeightedThenReduced::cost,
    .make = make<WeightedThenReduced>,
    .input = WeightedThenReduced::input};

}  // namespace moe
