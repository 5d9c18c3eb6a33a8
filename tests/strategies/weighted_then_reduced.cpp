// A strategy that reads weighted rows and does the local combine itself, into memory of its own,
// before it reduces: the plainest of its kind, for driving all that such strategies go through.
#include "comm/combine/all_reduce.hpp"

namespace moe {
namespace {

std::size_t partial_bytes(const CombineSetup& setup) {
    return static_cast<std::size_t>(setup.owned.total() * setup.row_bytes());
}

class WeightedThenReduced final : public Combine {
public:
    explicit WeightedThenReduced(const CombineSetup& setup)
        : device_(setup.device),
          all_reduce_(setup),
          buffer_(device_.allocate(partial_bytes(setup))),
          partial_(buffer_.matrix(setup.owned.total(), setup.cols, setup.dtype)) {}

    Matrix run(const CombineInput& in, const Matrix& /*mine*/, Stream& stream) override {
        device_.weighted_sum(in.weights, in.rows, partial_, stream);
        return all_reduce_.run(partial_, stream);
    }

private:
    Device& device_;
    AllReduceRows all_reduce_;
    Buffer buffer_;
    Matrix partial_;
};

Cost cost(const CombineSetup& setup) {
    auto cost = AllReduceRows::cost(setup);
    cost += {.launches = 1, .workspace_bytes = partial_bytes(setup)};
    return cost;
}

}  // namespace

extern const CombineEntry weighted_then_reduced;
constinit const CombineEntry weighted_then_reduced{
    .name = "weighted_then_reduced",
    .summary = "the local combine as a part of the strategy, then all_reduce",
    .form = Form::all_reduce,
    .obstacle = no_obstacle,
    .cost = cost,
    .make = [](const CombineSetup& setup) -> std::unique_ptr<Combine> {
        return std::make_unique<WeightedThenReduced>(setup);
    },
    .input = [](const CombineSetup& /*setup*/) -> InputNeeds {
        return {.kind = InputNeeds::Kind::weighted_rows};
    }};

}  // namespace moe
