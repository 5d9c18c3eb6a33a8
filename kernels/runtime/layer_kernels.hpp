#pragma once

#include "kernels/runtime/device.hpp"
#include "kernels/runtime/scoring.hpp"
#include "kernels/runtime/weighted_rows.hpp"

#include <cstdint>
#include <set>
#include <string_view>

namespace moe {

/// The half-open range [first, last) of experts or columns that one rank holds.
struct Range {
    std::int64_t first{};
    std::int64_t last{};
    [[nodiscard]] std::int64_t size() const { return last - first; }
};

/// The largest sizes one rank's kernels will see; scratch memory is made from them once.
struct LayerDims {
    std::int64_t rows{};
    std::int64_t permuted_rows{};  ///< of all local experts together
    std::int64_t hidden{};
    std::int64_t experts{};  ///< of the whole layer
    std::int64_t local_experts{};
    int top_k{};
    std::int64_t intermediate{};         ///< this rank's slice of each expert
    std::int64_t shared_intermediate{};  ///< this rank's slice of the shared expert
    DType wire{};
    Scoring scoring{};
};

/// One gated MLP: gate_up [2*I, H] (gate rows first), down [H, I], compute dtype. Experts that
/// follow each other in memory are one block of `gate_up_stride`, `down_stride` elements each.
struct MlpWeights {
    const std::byte* gate_up{};
    const std::byte* down{};
    std::int64_t intermediate{};
    [[nodiscard]] std::int64_t gate_up_stride(std::int64_t hidden) const {
        return 2 * intermediate * hidden;
    }
    [[nodiscard]] std::int64_t down_stride(std::int64_t hidden) const {
        return intermediate * hidden;
    }
};

/// The router's choice for each row, device memory: expert [rows, top_k], distinct within a row and
/// best first, -1 for padding; weight [rows, top_k], summing to 1 for each row.
struct Routing {
    std::int32_t* expert{};
    float* weight{};
};

/// What the products of the routed experts run on.
struct ExpertsKernel {
    /// Where products differ, each that one of them takes; none where there is nothing to compute.
    std::set<std::string_view> names;
    bool tuned{true};  ///< all of them, for this device

    void add(const ExpertsKernel& other) {
        names.insert(other.names.begin(), other.names.end());
        tuned = tuned && other.tuned;
    }
};

/// The compute kernels of one MoE layer on one rank; all stream-ordered, none allocates, none hands
/// a size back to the host, so that a whole layer can be captured in a CUDA graph.
class LayerKernels {
public:
    virtual ~LayerKernels() = default;

    /// logits = x [rows, H] * router^T [E, H] + bias [E]; the top_k best by score, a tie to the
    /// lower expert; weights are the chosen scores divided by their sum. Rows whose valid[row] is 0
    /// are padding. shared_weight [rows] = sigmoid(x * shared_gate [H]), or 1 where shared_gate is
    /// null.
    struct Router {
        Matrix weights;               ///< [E, H], compute dtype
        const float* bias{};          ///< [E]; null: none
        const std::byte* gate{};      ///< [H], compute dtype; null: the shared expert has weight 1
        const std::uint8_t* valid{};  ///< [rows]
    };
    virtual void route(const Matrix& x, const Router& router, const Routing& routing,
                       float* shared_weight, Stream& stream) = 0;

    /// Permutes the rows of experts [local.first, local.last) into expert order: expert_offsets
    /// [local.size() + 1] counts rows of `permuted` (compute dtype), and `combine` says how each
    /// row of the layer is made of expert outputs: with a shared expert, entry 0 of a valid row is
    /// its own index, and permuted row j is index rows + j; without, permuted row j is index j.
    struct Permutation {
        Range local;
        bool shared{};
        std::int32_t* expert_offsets{};
        Matrix permuted;
        WeightedRows combine;
    };
    virtual void permute(const Matrix& x, const Routing& routing, const float* shared_weight,
                         const Permutation& permutation, Stream& stream) = 0;

    /// out[j] = down * (silu(gate * permuted[j]) * (up * permuted[j])) with the weights of j's
    /// expert. No row of `out` that belongs to no expert is written.
    struct Experts {
        Matrix permuted;
        const std::int32_t* offsets{};  ///< [count + 1], of rows of `permuted`
        std::int64_t count{};
        MlpWeights weights;
        Matrix out;
        /// Multiprocessors that are left to other work, where there are any; one is kept.
        std::int64_t spared_sms{};
    };
    virtual void experts(const Experts& experts, Stream& stream) = 0;

    /// The same MLP once over all rows of x (wire dtype); out is compute dtype.
    virtual void shared(const Matrix& x, const MlpWeights& weights, const Matrix& out,
                        Stream& stream) = 0;
};

/// Makes a device's layer kernels. Apart from Device, so that a backend can carry rows between
/// ranks before it can compute on them.
class LayerKernelsFactory {
public:
    virtual ~LayerKernelsFactory() = default;
    /// The type that experts compute in when rows travel as `wire`.
    [[nodiscard]] virtual DType compute_dtype(DType wire) const = 0;
    [[nodiscard]] virtual std::unique_ptr<LayerKernels> make(Device& device,
                                                             const LayerDims& dims) const = 0;
    /// Bytes of scratch that make() allocates.
    [[nodiscard]] virtual std::size_t scratch_bytes(const LayerDims& dims) const = 0;
    /// What LayerKernels::experts() of such sizes runs on.
    [[nodiscard]] virtual ExpertsKernel experts_kernel(const LayerDims& dims) const = 0;
};

}  // namespace moe
