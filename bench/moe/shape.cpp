#include "bench/moe/shape.hpp"

#include <fmt/format.h>

namespace moe {
namespace {

constexpr auto kSoftmax = Scoring::softmax;

// hidden, routed experts, top-k, intermediate, shared intermediate, scoring, gated shared expert
constexpr ModelPreset kModels[] = {
    {"custom", {2048, 32, 4, 256, 256, kSoftmax, false}, "a small layer with rows of a real size"},
    {"qwen3-30b-a3b", {2048, 128, 8, 768, 0, kSoftmax, false}, "Qwen/Qwen3-30B-A3B config.json"},
    {"qwen3.5-35b-a3b",
     {2048, 256, 8, 512, 512, kSoftmax, true},
     "Qwen/Qwen3.5-35B-A3B config.json"},
    {"qwen3.5-397b-a17b",
     {4096, 512, 10, 1024, 1024, kSoftmax, true},
     "Qwen/Qwen3.5-397B-A17B config.json"},
};

}  // namespace

std::span<const ModelPreset> model_table() {
    return kModels;
}

LayerShape scale_experts(const LayerShape& shape, int factor) {
    if (factor < 1 || shape.experts % factor != 0 || shape.experts / factor < shape.top_k) {
        throw BadArgument(fmt::format(
            "--scale-experts {}: {} experts with top-k {} can be divided by a factor of {} that is "
            "at most {}",
            factor, shape.experts, shape.top_k, shape.experts, shape.experts / shape.top_k));
    }
    auto scaled = shape;
    scaled.experts /= factor;
    return scaled;
}

void check_shape(const LayerShape& shape) {
    if (shape.top_k > shape.experts) {
        throw BadArgument(fmt::format("--top-k {}: there are only {} experts to choose from",
                                      shape.top_k, shape.experts));
    }
}

}  // namespace moe
