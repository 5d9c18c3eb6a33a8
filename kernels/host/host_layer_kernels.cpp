#include "kernels/host/host_layer_kernels.hpp"

#include "kernels/host/gemm.hpp"
#include "kernels/host/row_ops.hpp"
#include "kernels/host/swiglu.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>
#include <utility>
#include <vector>

namespace moe {
namespace {

/// Rows converted to f32 at a time: enough for a GEMM at full speed, small beside the weights.
constexpr std::int64_t kBlockRows = 256;

std::size_t floats(std::int64_t count) {
    return static_cast<std::size_t>(count) * sizeof(float);
}

std::int64_t widest(const LayerDims& dims) {
    return std::max(dims.intermediate, dims.shared_intermediate);
}

float sigmoid(float x) {
    return 1.0F / (1.0F + std::exp(-x));
}

/// Without overflow for any x, and exact where exp(x) is small beside 1.
float softplus(float x) {
    return std::max(x, 0.0F) + std::log1p(std::exp(-std::abs(x)));
}

/// A softmax over all experts, renormalised over the chosen, is one over the chosen: exp is its
/// score, of the distance to the `best` logit, so that it cannot overflow.
float score(float logit, float best, Scoring scoring) {
    switch (scoring) {
        case Scoring::softmax:
            return std::exp(logit - best);
        case Scoring::sigmoid:
            return sigmoid(logit);
        case Scoring::sqrtsoftplus:
            return std::sqrt(softplus(logit));
    }
    raise(MOE_SITE("score"), "unknown Scoring");
}

/// Scores of the chosen experts, best first, divided by their sum.
void normalised_weights(const float* logits, const std::int32_t* chosen, int top_k, Scoring scoring,
                        float* weights) {
    const float best = logits[chosen[0]];
    float sum = 0;
    for (int k = 0; k < top_k; ++k) {
        weights[k] = score(logits[chosen[k]], best, scoring);
        sum += weights[k];
    }
    for (int k = 0; k < top_k; ++k) weights[k] /= sum;
}

class HostLayerKernels final : public LayerKernels {
public:
    HostLayerKernels(Device& device, const LayerDims& dims)
        : dims_(dims),
          block_(device.allocate(floats(kBlockRows * dims.hidden))),
          logits_(device.allocate(floats(kBlockRows * dims.experts))),
          gate_up_(device.allocate(floats(dims.rows * 2 * widest(dims)))),
          cursor_(static_cast<std::size_t>(dims.experts)) {}

    void route(const Matrix& x, const Router& router, const Routing& routing, float* shared_weight,
               Stream& /*stream*/) override {
        const auto experts = router.weights.rows;
        for_each_block(x, [&](const float* block, std::int64_t first, std::int64_t count) {
            auto* logits = logits_.as<float>();
            multiply({block, x.cols, router.weights.as<float>(), logits, experts, count, experts,
                      x.cols});
            for (std::int64_t i = 0; i < count; ++i) {
                if (router.bias != nullptr) add_into(router.bias, logits + i * experts, experts);
                route_row(logits + i * experts, experts, router.valid[first + i] != 0, first + i,
                          routing);
            }
            if (shared_weight != nullptr) {
                shared_gate(block, x.cols, count, router.gate, shared_weight + first);
            }
        });
    }

    void permute(const Matrix& x, const Routing& routing, const float* shared_weight,
                 const Permutation& permutation, Stream& /*stream*/) override {
        count_rows(x.rows, routing, permutation);
        const auto& combine = permutation.combine;
        std::int32_t entry = 0;
        for (std::int64_t row = 0; row < x.rows; ++row) {
            combine.offsets[row] = entry;
            const auto* experts = routing.expert + row * dims_.top_k;
            const bool valid = experts[0] >= 0;
            if (permutation.shared && valid) {
                combine.indices[entry] = static_cast<std::int32_t>(row);
                combine.weights[entry++] = shared_weight[row];
            }
            for (int k = 0; k < dims_.top_k; ++k) {
                const auto local = experts[k] - permutation.local.first;
                if (local < 0 || local >= permutation.local.size()) continue;
                const auto slot = cursor_[static_cast<std::size_t>(local)]++;
                permute_row(x, row, permutation.permuted, slot);
                combine.indices[entry] =
                    static_cast<std::int32_t>(permutation.shared ? x.rows : 0) + slot;
                combine.weights[entry++] = routing.weight[row * dims_.top_k + k];
            }
        }
        combine.offsets[x.rows] = entry;
    }

    void experts(const Experts& experts, Stream& /*stream*/) override {
        const auto& [permuted, offsets, count, weights, out, spared_sms] = experts;
        const auto* gate_up = reinterpret_cast<const float*>(weights.gate_up);
        const auto* down = reinterpret_cast<const float*>(weights.down);
        for (std::int64_t e = 0; e < count; ++e) {
            const auto first = offsets[e];
            mlp(permuted.as<float>() + first * permuted.cols, offsets[e + 1] - first,
                gate_up + e * weights.gate_up_stride(permuted.cols),
                down + e * weights.down_stride(permuted.cols), weights.intermediate,
                out.as<float>() + first * permuted.cols);
        }
    }

    void shared(const Matrix& x, const MlpWeights& weights, const Matrix& out,
                Stream& /*stream*/) override {
        for_each_block(x, [&](const float* block, std::int64_t first, std::int64_t count) {
            mlp(block, count, reinterpret_cast<const float*>(weights.gate_up),
                reinterpret_cast<const float*>(weights.down), weights.intermediate,
                out.as<float>() + first * x.cols);
        });
    }

private:
    /// visit(f32 rows, first row, rows) over all of x, block by block.
    template <class Visit>
    void for_each_block(const Matrix& x, Visit&& visit) {
        visit_dtype(x.dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            for (std::int64_t first = 0; first < x.rows; first += kBlockRows) {
                const auto count = std::min(kBlockRows, x.rows - first);
                auto* block = block_.as<float>();
                widen(x.as<T>() + first * x.cols, block, count * x.cols);
                visit(static_cast<const float*>(block), first, count);
            }
        });
    }

    void route_row(const float* logits, std::int64_t experts, bool valid, std::int64_t row,
                   const Routing& routing) const {
        auto* chosen = routing.expert + row * dims_.top_k;
        auto* weights = routing.weight + row * dims_.top_k;
        if (!valid) {
            std::fill_n(chosen, dims_.top_k, -1);
            std::fill_n(weights, dims_.top_k, 0.0F);
            return;
        }
        // Every score grows with the logit, and the logits are exact: choosing by them gives every
        // machine the same experts, whatever its exp() rounds to.
        topk(logits, experts, dims_.top_k, chosen);
        normalised_weights(logits, chosen, dims_.top_k, dims_.scoring, weights);
    }

    static void shared_gate(const float* block, std::int64_t hidden, std::int64_t rows,
                            const std::byte* gate, float* weights) {
        std::fill_n(weights, rows, 1.0F);
        if (gate == nullptr) return;
        multiply(
            {block, hidden, reinterpret_cast<const float*>(gate), weights, 1, rows, 1, hidden});
        std::transform(weights, weights + rows, weights, sigmoid);
    }

    /// Fills expert_offsets and sets each local expert's cursor to its first permuted row.
    void count_rows(std::int64_t rows, const Routing& routing, const Permutation& permutation) {
        const auto local = permutation.local;
        std::fill_n(cursor_.begin(), local.size(), 0);
        for (std::int64_t i = 0; i < rows * dims_.top_k; ++i) {
            const auto expert = routing.expert[i] - local.first;
            if (expert >= 0 && expert < local.size()) ++cursor_[static_cast<std::size_t>(expert)];
        }
        std::int32_t next = 0;
        for (std::int64_t e = 0; e < local.size(); ++e) {
            permutation.expert_offsets[e] = next;
            next += std::exchange(cursor_[static_cast<std::size_t>(e)], next);
        }
        permutation.expert_offsets[local.size()] = next;
    }

    static void permute_row(const Matrix& x, std::int64_t row, const Matrix& permuted,
                            std::int64_t slot) {
        visit_dtype(x.dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            widen(x.as<T>() + row * x.cols, permuted.as<float>() + slot * x.cols, x.cols);
        });
    }

    void mlp(const float* in, std::int64_t rows, const float* gate_up, const float* down,
             std::int64_t intermediate, float* out) {
        auto* hidden_rows = gate_up_.as<float>();
        multiply({in, dims_.hidden, gate_up, hidden_rows, 2 * intermediate, rows, 2 * intermediate,
                  dims_.hidden});
        swiglu(hidden_rows, rows, intermediate);
        multiply({hidden_rows, 2 * intermediate, down, out, dims_.hidden, rows, dims_.hidden,
                  intermediate});
    }

    LayerDims dims_;
    Buffer block_;
    Buffer logits_;
    Buffer gate_up_;
    std::vector<std::int32_t> cursor_;
};

class HostFactory final : public LayerKernelsFactory {
public:
    HostFactory() { use_one_gemm_thread(); }
    [[nodiscard]] DType compute_dtype(DType /*wire*/) const override { return DType::f32; }
    [[nodiscard]] std::unique_ptr<LayerKernels> make(Device& device,
                                                     const LayerDims& dims) const override {
        return std::make_unique<HostLayerKernels>(device, dims);
    }
    [[nodiscard]] std::size_t scratch_bytes(const LayerDims& dims) const override {
        return floats(kBlockRows * (dims.hidden + dims.experts) + dims.rows * 2 * widest(dims));
    }
    [[nodiscard]] ExpertsKernel experts_kernel(const LayerDims& dims) const override {
        if (dims.permuted_rows == 0 || dims.local_experts == 0) return {};
        return gemm_kernel();
    }
};

}  // namespace

void topk(const float* scores, std::int64_t experts, int top_k, std::int32_t* chosen) {
    int found = 0;
    for (std::int64_t e = 0; e < experts; ++e) {
        if (found == top_k && !(scores[e] > scores[chosen[found - 1]])) continue;
        int at = found < top_k ? found++ : top_k - 1;
        for (; at > 0 && scores[e] > scores[chosen[at - 1]]; --at) chosen[at] = chosen[at - 1];
        chosen[at] = static_cast<std::int32_t>(e);
    }
}

std::unique_ptr<LayerKernelsFactory> make_host_layer_kernels_factory() {
    return std::make_unique<HostFactory>();
}

}  // namespace moe
