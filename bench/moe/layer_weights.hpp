#pragma once

#include "bench/moe/parallel.hpp"
#include "bench/moe/shape.hpp"
#include "kernels/runtime/device.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace moe {

/// One rank's weights of one layer, in device memory and compute dtype. There may be several equal
/// copies: rotating over them keeps weights as cold as they are in a model of many layers.
class LayerWeights {
public:
    struct Plan {
        LayerShape shape;
        Shard shard;
        DType compute{};
        std::uint64_t seed{};
        int layer{};  ///< which of a step's layers
        int copies{1};
    };
    /// `on_progress` is called after each matrix.
    LayerWeights(
        Device& device, const Plan& plan, const std::function<void()>& on_progress = [] {});

    /// Bytes of one copy, and of what all copies share (router, bias and gate).
    [[nodiscard]] static std::size_t copy_bytes(const Plan& plan);
    [[nodiscard]] static std::size_t fixed_bytes(const Plan& plan);
    /// Bytes of host memory while they are made.
    [[nodiscard]] static std::size_t staging_bytes(const Plan& plan);
    /// How many copies of `bytes` a rank needs to go through at least twice the largest cache
    /// before it meets a weight again, whoever else uses that cache.
    [[nodiscard]] static int cold_copies(std::size_t bytes, std::size_t cache_bytes);

    [[nodiscard]] const Plan& plan() const { return plan_; }
    /// First local expert's weights; the others follow at MlpWeights' strides.
    [[nodiscard]] MlpWeights experts(int copy) const;
    [[nodiscard]] MlpWeights shared(int copy) const;
    [[nodiscard]] Matrix router() const;
    /// f32 [E] on each expert's logit; null where there is none.
    [[nodiscard]] const float* router_bias() const;
    /// [H]; null without a gated shared expert.
    [[nodiscard]] const std::byte* shared_gate() const;

private:
    Plan plan_;
    std::vector<Buffer> experts_;  ///< one for each copy: all gate_up, then all down
    std::vector<Buffer> shared_;
    Buffer router_, router_bias_;
    Buffer gate_;
};

}  // namespace moe
