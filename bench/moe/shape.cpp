#include "bench/moe/shape.hpp"

#include "bench/moe/zipf.hpp"

#include <fmt/format.h>

namespace moe {
namespace {

constexpr auto kSoftmax = Scoring::softmax;
constexpr auto kSigmoid = Scoring::sigmoid;
constexpr auto kSqrtSoftplus = Scoring::sqrtsoftplus;

// hidden, routed experts, top-k, intermediate, shared intermediate, scoring, gated shared expert;
// MoE layers
constexpr ModelPreset kModels[] = {
    {"custom",
     {2048, 32, 4, 256, 256, kSoftmax, false},
     0,
     "a small layer with rows of a real size"},
    {"qwen3-30b-a3b",
     {2048, 128, 8, 768, 0, kSoftmax, false},
     48,
     "config.json of Qwen/Qwen3-30B-A3B"},
    {"qwen3-235b-a22b",
     {4096, 128, 8, 1536, 0, kSoftmax, false},
     94,
     "config.json of Qwen/Qwen3-235B-A22B"},
    {"qwen3-coder-480b-a35b",
     {6144, 160, 8, 2560, 0, kSoftmax, false},
     62,
     "config.json of Qwen/Qwen3-Coder-480B-A35B-Instruct"},
    {"qwen3.5-35b-a3b",
     {2048, 256, 8, 512, 512, kSoftmax, true},
     40,
     "config.json of Qwen/Qwen3.5-35B-A3B"},
    {"qwen3.5-122b-a10b",
     {3072, 256, 8, 1024, 1024, kSoftmax, true},
     48,
     "config.json of Qwen/Qwen3.5-122B-A10B"},
    {"qwen3.5-397b-a17b",
     {4096, 512, 10, 1024, 1024, kSoftmax, true},
     60,
     "config.json of Qwen/Qwen3.5-397B-A17B"},
    {"deepseek-v3",
     {7168, 256, 8, 2048, 2048, kSigmoid, false},
     58,
     "config.json of deepseek-ai/DeepSeek-V3; experts are chosen from all, not from 4 of 8 groups"},
    {"deepseek-r1",
     {7168, 256, 8, 2048, 2048, kSigmoid, false},
     58,
     "config.json of deepseek-ai/DeepSeek-R1; experts are chosen from all, not from 4 of 8 groups"},
    {"deepseek-v3.2",
     {7168, 256, 8, 2048, 2048, kSigmoid, false},
     58,
     "config.json of deepseek-ai/DeepSeek-V3.2; experts are chosen from all, not from 4 of 8 "
     "groups"},
    {"deepseek-v4-pro",
     {7168, 384, 6, 3072, 3072, kSqrtSoftplus, false},
     61,
     "config.json of deepseek-ai/DeepSeek-V4-Pro; as its layers that choose experts by score: the "
     "first 3 choose by token id; without the clamps of its SwiGLU"},
    {"deepseek-v4-flash",
     {4096, 256, 6, 2048, 2048, kSqrtSoftplus, false},
     43,
     "config.json of deepseek-ai/DeepSeek-V4-Flash; as its layers that choose experts by score: "
     "the first 3 choose by token id; without the clamps of its SwiGLU"},
    {"kimi-k2",
     {7168, 384, 8, 2048, 2048, kSigmoid, false},
     60,
     "config.json of moonshotai/Kimi-K2"},
    {"kimi-k2.5",
     {7168, 384, 8, 2048, 2048, kSigmoid, false},
     60,
     "config.json of moonshotai/Kimi-K2.5"},
    {"glm-4.5",
     {5120, 160, 8, 1536, 1536, kSigmoid, false},
     89,
     "config.json of GLM-4.5; the copy in NVIDIA Megatron-Bridge's tests"},
    {"glm-4.5-air",
     {4096, 128, 8, 1408, 1408, kSigmoid, false},
     45,
     "config.json of GLM-4.5-Air; the copy in NVIDIA Megatron-Bridge's tests"},
    {"glm-4.7",
     {5120, 160, 8, 1536, 1536, kSigmoid, false},
     89,
     "GLM-4.7-FP8 in ai-dynamo/aiconfigurator; the same sizes as GLM-4.5"},
    {"glm-5", {6144, 256, 8, 2048, 2048, kSigmoid, false}, 75, "config.json of GLM-5"},
    {"glm-5.2", {6144, 256, 8, 2048, 2048, kSigmoid, false}, 75, "config.json of GLM-5.2"},
    {"gpt-oss-120b",
     {2880, 128, 4, 2880, 0, kSoftmax, false},
     36,
     "config.json of openai/gpt-oss-120b; without its biases, with a plain SwiGLU"},
    {"gpt-oss-20b",
     {2880, 32, 4, 2880, 0, kSoftmax, false},
     24,
     "config.json of openai/gpt-oss-20b; without its biases, with a plain SwiGLU"},
    {"mixtral-8x7b",
     {4096, 8, 2, 14336, 0, kSoftmax, false},
     32,
     "config.json of mistralai/Mixtral-8x7B-v0.1"},
    {"mixtral-8x22b",
     {6144, 8, 2, 16384, 0, kSoftmax, false},
     56,
     "config.json of mistralai/Mixtral-8x22B-v0.1"},
    {"llama-4-maverick",
     {5120, 128, 1, 8192, 8192, kSigmoid, false},
     24,
     "config.json of meta-llama/Llama-4-Maverick; its one weight is 1 here, not a sigmoid"},
    {"llama-4-scout",
     {5120, 16, 1, 8192, 8192, kSigmoid, false},
     48,
     "config.json of meta-llama/Llama-4-Scout; its one weight is 1 here, not a sigmoid"},
    {"minimax-m2",
     {3072, 256, 8, 1536, 0, kSigmoid, false},
     62,
     "config.json of MiniMaxAI/MiniMax-M2"},
    {"minimax-m2.5",
     {3072, 256, 8, 1536, 0, kSigmoid, false},
     62,
     "config.json of MiniMaxAI/MiniMax-M2.5"},
};

}  // namespace

std::span<const ModelPreset> model_table() {
    return kModels;
}

double parse_routing(std::string_view text) {
    if (text == "uniform") return 0;
    const auto exponent = parse_zipf("--routing", text);
    if (exponent) return *exponent;
    throw BadArgument(fmt::format("--routing '{}': there are uniform and zipf:S", text));
}

std::string routing_text(double exponent) {
    return exponent == 0 ? "uniform" : fmt::format("zipf:{}", exponent);
}

LayerShape scale_experts(const LayerShape& shape, std::int64_t factor) {
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
