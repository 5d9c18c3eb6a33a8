#include "kernels/cuda/layer_kernels.hpp"

#include "kernels/cuda/copy.hpp"
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/grouped_gemm.hpp"
#include "kernels/cuda/matmul.hpp"
#include "kernels/cuda/permute.hpp"
#include "kernels/cuda/shared_gate.hpp"
#include "kernels/cuda/swiglu.hpp"
#include "kernels/cuda/topk.hpp"

#include <algorithm>
#include <array>

namespace moe {
namespace {

std::size_t bytes_of(std::int64_t rows, std::int64_t cols, DType dtype) {
    return static_cast<std::size_t>(rows * cols) * size_of(dtype);
}

/// Both products in their order: gate and up, and down. `active` [rows, I]: gate and up with the
/// activation.
std::array<cuda::GroupedGemm, 2> expert_products(const LayerDims& dims,
                                                 const LayerKernels::Experts& experts,
                                                 const Matrix& active) {
    const auto expected = dims.rows * dims.top_k / std::max<std::int64_t>(dims.experts, 1);
    return {{{.in = experts.permuted,
              .weights = experts.weights.gate_up,
              .out = active,
              .offsets = experts.offsets,
              .experts = experts.count,
              .gated = true,
              .expected_rows = expected,
              .spared_sms = experts.spared_sms},
             {.in = active,
              .weights = experts.weights.down,
              .out = experts.out,
              .offsets = experts.offsets,
              .experts = experts.count,
              .gated = false,
              .expected_rows = expected,
              .spared_sms = experts.spared_sms}}};
}

class CudaLayerKernels final : public LayerKernels {
public:
    CudaLayerKernels(Device& device, const LayerDims& dims, cuda::Clusters clusters)
        : dims_(dims),
          matmul_(device, clusters),
          permute_(device, dims),
          logits_(device.allocate(bytes_of(dims.rows, dims.experts, DType::f32))),
          active_(device.allocate(active_bytes(dims))),
          gate_up_(device.allocate(gate_up_bytes(dims))) {}

    void route(const Matrix& x, const Router& router, const Routing& routing, float* shared_weight,
               Stream& stream) override {
        const auto experts = router.weights.rows;
        const auto logits = logits_.matrix(x.rows, experts, DType::f32);
        matmul_.multiply(x, router.weights, logits, cuda::native(stream));
        cuda::launch_topk(
            x.rows,
            {logits.as<float>(), experts, dims_.top_k, dims_.scoring, router.bias, router.valid},
            routing, cuda::native(stream));
        if (shared_weight == nullptr) return;
        cuda::launch_shared_gate(x, router.gate, router.valid, shared_weight, cuda::native(stream));
    }

    void permute(const Matrix& x, const Routing& routing, const float* shared_weight,
                 const Permutation& permutation, Stream& stream) override {
        permute_.launch(x, routing, shared_weight, permutation, cuda::native(stream));
    }

    void experts(const Experts& experts, Stream& stream) override {
        const auto& in = experts.permuted;
        const auto active = active_.matrix(in.rows, experts.weights.intermediate, in.dtype);
        for (const auto& product : expert_products(dims_, experts, active)) {
            cuda::launch_grouped_gemm(product, cuda::native(stream));
        }
    }

    void shared(const Matrix& x, const MlpWeights& weights, const Matrix& out,
                Stream& stream) override {
        const auto width = weights.intermediate;
        const auto weight = [&](const std::byte* data, std::int64_t rows, std::int64_t cols) {
            return Matrix{const_cast<std::byte*>(data), rows, cols, x.dtype};
        };
        if (width == 0) {  // more ranks than columns: nothing of the shared expert is here
            cuda::launch_fill(out, std::byte{0}, cuda::native(stream));
            return;
        }
        const auto gate_up = gate_up_.matrix(x.rows, 2 * width, x.dtype);
        const auto active = active_.matrix(x.rows, width, x.dtype);
        matmul_.multiply(x, weight(weights.gate_up, 2 * width, x.cols), gate_up,
                         cuda::native(stream));
        cuda::launch_swiglu(gate_up, active, cuda::native(stream));
        matmul_.multiply(active, weight(weights.down, out.cols, width), out, cuda::native(stream));
    }

    [[nodiscard]] static std::size_t scratch_bytes(const LayerDims& dims) {
        return cuda::Matmul::workspace_bytes() + cuda::Permute::bytes(dims) +
               bytes_of(dims.rows, dims.experts, DType::f32) + active_bytes(dims) +
               gate_up_bytes(dims);
    }

private:
    /// Routed and shared experts follow each other on one stream: they take turns.
    static std::size_t active_bytes(const LayerDims& dims) {
        return std::max(bytes_of(dims.permuted_rows, dims.intermediate, dims.wire),
                        bytes_of(dims.rows, dims.shared_intermediate, dims.wire));
    }
    static std::size_t gate_up_bytes(const LayerDims& dims) {
        return bytes_of(dims.rows, 2 * dims.shared_intermediate, dims.wire);
    }

    LayerDims dims_;
    cuda::Matmul matmul_;
    cuda::Permute permute_;
    Buffer logits_;
    Buffer active_;   ///< [rows, I]: what down is multiplied with
    Buffer gate_up_;  ///< [rows, 2*I] of the shared expert
};

class CudaFactory final : public LayerKernelsFactory {
public:
    explicit CudaFactory(cuda::Clusters clusters) : clusters_(clusters) {}
    [[nodiscard]] DType compute_dtype(DType wire) const override { return wire; }
    [[nodiscard]] std::unique_ptr<LayerKernels> make(Device& device,
                                                     const LayerDims& dims) const override {
        return std::make_unique<CudaLayerKernels>(device, dims, clusters_);
    }
    [[nodiscard]] std::size_t scratch_bytes(const LayerDims& dims) const override {
        return CudaLayerKernels::scratch_bytes(dims);
    }
    [[nodiscard]] ExpertsKernel experts_kernel(const LayerDims& dims) const override {
        const auto rows = [&](std::int64_t cols) {  // in buffers that are aligned as all are
            return Matrix{nullptr, dims.permuted_rows, cols, compute_dtype(dims.wire)};
        };
        ExpertsKernel found;
        const LayerKernels::Experts experts{.permuted = rows(dims.hidden),
                                            .offsets = nullptr,
                                            .count = dims.local_experts,
                                            .weights = {},
                                            .out = rows(dims.hidden)};
        for (const auto& product : expert_products(dims, experts, rows(dims.intermediate))) {
            const auto* kernel = cuda::choose_grouped_gemm(product);
            if (kernel == nullptr) continue;
            found.add({{kernel->name}, kernel->tuned});
        }
        return found;
    }

private:
    cuda::Clusters clusters_;
};

}  // namespace

std::unique_ptr<LayerKernelsFactory> make_cuda_layer_kernels_factory(int ranks_on_gpu) {
    return std::make_unique<CudaFactory>(ranks_on_gpu > 1 ? cuda::Clusters::none
                                                          : cuda::Clusters::any);
}

}  // namespace moe
