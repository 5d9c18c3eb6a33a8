#pragma once

#include "comm/combine/all_reduce.hpp"

#include <cstddef>

namespace moe {

/// Reads weighted rows and does the local combine itself, into memory of its own, before it
/// reduces: the plainest strategy of its kind, for driving all that such strategies go through.
class WeightedThenReduced : public Combine {
public:
    explicit WeightedThenReduced(const CombineSetup& setup)
        : device_(setup.device),
          all_reduce_(setup),
          buffer_(device_.allocate(partial_bytes(setup))),
          partial_(buffer_.matrix(setup.owned.total(), setup.cols, setup.dtype)) {}

    Matrix run(const CombineInput& in, const Matrix& /*mine*/, Stream& stream) override {
        device_.weighted_sum(in.weights, in.rows, partial_, stream);
        return all_reduce_.run({.rows = partial_}, stream);
    }

    [[nodiscard]] static Cost cost(const CombineSetup& setup) {
        auto cost = AllReduceRows::cost(setup, AllReduceForm::library);
        cost += {.launches = 1, .workspace_bytes = partial_bytes(setup)};
        return cost;
    }
    [[nodiscard]] static InputNeeds input(const CombineSetup& /*setup*/) {
        return {.kind = InputNeeds::Kind::weighted_rows};
    }

private:
    [[nodiscard]] static std::size_t partial_bytes(const CombineSetup& setup) {
        return static_cast<std::size_t>(setup.owned.total() * setup.row_bytes());
    }

    Device& device_;
    AllReduceRows all_reduce_;
    Buffer buffer_;
    Matrix partial_;
};

}  // namespace moe
