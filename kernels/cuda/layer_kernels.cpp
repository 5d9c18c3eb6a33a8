#include "kernels/cuda/layer_kernels.hpp"

#include "kernels/cuda/copy.hpp"
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/grouped_gemm.hpp"
#include "kernels/cuda/matmul.hpp"
#include "kernels/cuda/permute.hpp"
#include "kernels/cuda/route.hpp"
#include "kernels/cuda/swiglu.hpp"

#include <algorithm>

namespace moe {
namespace {

std::size_t bytes_of(std::int64_t rows, std::int64_t cols, DType dtype) {
    return static_cast<std::size_t>(rows * cols) * size_of(dtype);
}

class CudaLayerKernels final : public LayerKernels {
public:
    CudaLayerKernels(Device& device, const LayerDims& dims)
        : dims_(dims),
          matmul_(device),
          permutation_(device, dims),
          logits_(device.allocate(bytes_of(dims.rows, dims.experts, DType::f32))),
          active_(device.allocate(active_bytes(dims))),
          gate_up_(device.allocate(gate_up_bytes(dims))) {}

    void route(const Matrix& x, const Router& router, const Routing& routing, float* shared_weight,
               Stream& stream) override {
        const auto experts = router.weights.rows;
        const auto logits = logits_.matrix(x.rows, experts, DType::f32);
        matmul_.multiply(x, router.weights, logits, cuda::native(stream));
        cuda::launch_choose(x,
                            {logits.as<float>(), experts, dims_.top_k, dims_.scoring, router.bias,
                             router.gate, router.live, shared_weight},
                            routing, cuda::native(stream));
    }

    void permute(const Matrix& x, const Routing& routing, const float* shared_weight,
                 const Packing& packing, Stream& stream) override {
        permutation_.launch(x, routing, shared_weight, packing, cuda::native(stream));
    }

    void experts(const Matrix& packed, const std::int32_t* expert_offsets,
                 std::int64_t local_experts, const MlpWeights& weights, const Matrix& out,
                 Stream& stream) override {
        if (packed.rows == 0 || local_experts == 0) return;
        const auto active = active_.matrix(packed.rows, weights.intermediate, packed.dtype);
        const auto expected = dims_.rows * dims_.top_k / std::max<std::int64_t>(dims_.experts, 1);
        cuda::GroupedGemm gemm{.in = packed,
                               .weights = weights.gate_up,
                               .out = active,
                               .offsets = expert_offsets,
                               .experts = local_experts,
                               .gated = true,
                               .expected_rows = expected};
        cuda::launch_grouped_gemm(gemm, cuda::native(stream));
        gemm.in = active;
        gemm.weights = weights.down;
        gemm.out = out;
        gemm.gated = false;
        cuda::launch_grouped_gemm(gemm, cuda::native(stream));
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
        return cuda::Matmul::workspace_bytes() + cuda::Permutation::bytes(dims) +
               bytes_of(dims.rows, dims.experts, DType::f32) + active_bytes(dims) +
               gate_up_bytes(dims);
    }

private:
    /// Routed and shared experts follow each other on one stream: they take turns.
    static std::size_t active_bytes(const LayerDims& dims) {
        return std::max(bytes_of(dims.packed_rows, dims.intermediate, dims.wire),
                        bytes_of(dims.rows, dims.shared_intermediate, dims.wire));
    }
    static std::size_t gate_up_bytes(const LayerDims& dims) {
        return bytes_of(dims.rows, 2 * dims.shared_intermediate, dims.wire);
    }

    LayerDims dims_;
    cuda::Matmul matmul_;
    cuda::Permutation permutation_;
    Buffer logits_;
    Buffer active_;   ///< [rows, I]: what down is multiplied with
    Buffer gate_up_;  ///< [rows, 2*I] of the shared expert
};

class CudaFactory final : public LayerKernelsFactory {
public:
    [[nodiscard]] DType compute_dtype(DType wire) const override { return wire; }
    [[nodiscard]] std::unique_ptr<LayerKernels> make(Device& device,
                                                     const LayerDims& dims) const override {
        return std::make_unique<CudaLayerKernels>(device, dims);
    }
    [[nodiscard]] std::size_t scratch_bytes(const LayerDims& dims) const override {
        return CudaLayerKernels::scratch_bytes(dims);
    }
};

}  // namespace

std::unique_ptr<LayerKernelsFactory> make_cuda_layer_kernels_factory() {
    return std::make_unique<CudaFactory>();
}

}  // namespace moe
