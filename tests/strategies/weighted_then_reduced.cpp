#include "tests/strategies/weighted_then_reduced.hpp"

namespace moe {

extern const CombineEntry weighted_then_reduced;
constinit const CombineEntry weighted_then_reduced{
    .name = "weighted_then_reduced",
    .summary = "the local combine as a part of the strategy, then all_reduce",
    .form = Form::all_reduce,
    .obstacle = no_obstacle,
    .cost = WeightedThenReduced::cost,
    .make = [](const CombineSetup& setup) -> std::unique_ptr<Combine> {
        return std::make_unique<WeightedThenReduced>(setup);
    },
    .input = WeightedThenReduced::input};

}  // namespace moe
