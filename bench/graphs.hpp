#pragma once

#include "bench/moe/layer.hpp"
#include "comm/combine/combine.hpp"
#include "comm/gather/gather.hpp"
#include "kernels/runtime/device.hpp"

#include <memory>
#include <vector>

namespace moe {

/// A strategy's exchange, captured when it is first run and replayed ever after; for one place of
/// its input and output.
class CapturedCombine final : public Combine {
public:
    explicit CapturedCombine(Combine& eager) : eager_(eager) {}
    [[nodiscard]] Matrix run(const Matrix& partial, const Matrix& mine, Stream& stream) override;

private:
    Combine& eager_;
    std::unique_ptr<Graph> graph_;
    Matrix partial_, mine_, result_;
};

/// The regions of a case with one strategy as CUDA graphs. A graph keeps the addresses that it was
/// captured with, and with them the copy of the experts' weights: the step is captured once for
/// each copy and the graphs take turns, so that weights stay as cold as they are eagerly.
class StepGraphs {
public:
    /// Collective. Everything has run eagerly before: what libraries do for the first time cannot
    /// be captured. An Error where this work cannot be captured.
    StepGraphs(MoeLayer& layer, Gather& gather, Combine& combine, Stream& stream);

    [[nodiscard]] Combine& combine() { return combine_; }
    void output() { output_->launch(stream_); }
    /// The whole step; returns where its last layer's result is.
    Matrix step();

    /// Why so many copies of weights are too many; empty where they are not.
    [[nodiscard]] static std::string obstacle(int copies);

private:
    Stream& stream_;
    CapturedCombine combine_;
    std::unique_ptr<Graph> output_;
    struct Step {
        std::unique_ptr<Graph> graph;
        Matrix result;
    };
    std::vector<Step> steps_;  ///< one for each copy of the weights
    std::size_t next_{};
};

}  // namespace moe
