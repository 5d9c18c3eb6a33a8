#include "bench/graphs.hpp"

#include <fmt/format.h>

namespace moe {

Matrix CapturedCombine::run(const Matrix& partial, const Matrix& mine, Stream& stream) {
    if (!graph_) {
        partial_ = partial;
        mine_ = mine;
        graph_ = stream.capture([&] { result_ = eager_.run(partial, mine, stream); });
    }
    MOE_EXPECT(partial.data == partial_.data && mine.data == mine_.data,
               "a graph replays what was captured, at other addresses");
    graph_->launch(stream);
    return result_;
}

StepGraphs::StepGraphs(MoeLayer& layer, Gather& gather, Combine& combine, Stream& stream)
    : stream_(stream), combine_(combine) {
    Trace silent;
    static_cast<void>(layer.combine_only(combine_, stream, silent));
    stream.synchronize();
    output_ = stream.capture([&] { static_cast<void>(layer.output(combine, stream, silent)); });
    for (int copy = 0; copy < layer.copies(); ++copy) {
        Step step;
        step.graph =
            stream.capture([&] { step.result = layer.forward(gather, combine, stream, silent); });
        steps_.push_back(std::move(step));
    }
}

Matrix StepGraphs::step() {
    auto& step = steps_[next_];
    next_ = (next_ + 1) % steps_.size();
    step.graph->launch(stream_);
    return step.result;
}

std::string StepGraphs::obstacle(int copies) {
    constexpr int kMost = 64;
    if (copies <= kMost) return {};
    return fmt::format(
        "CUDA graphs: the experts' weights are so small that {} copies keep them cold, each with a "
        "graph of its own; at most {} are possible",
        copies, kMost);
}

}  // namespace moe
