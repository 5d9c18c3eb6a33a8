#pragma once

#include "bench/moe/epilogue.hpp"
#include "bench/moe/layer_weights.hpp"
#include "bench/moe/parallel.hpp"
#include "bench/moe/synthetic.hpp"
#include "comm/combine/weighted_layout.hpp"
#include "comm/gather/gather.hpp"
#include "comm/row_buffer.hpp"
#include "kernels/runtime/device.hpp"
#include "kernels/runtime/layer_kernels.hpp"
#include "kernels/runtime/trace.hpp"

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace moe {

/// The phases of one layer in their order, as trace marks and as column names.
namespace phase {
inline constexpr std::string_view kGather = "gather";
inline constexpr std::string_view kRoute = "route";
inline constexpr std::string_view kPermute = "permute";
inline constexpr std::string_view kExperts = "experts";
inline constexpr std::string_view kShared = "shared";
inline constexpr std::string_view kLocalCombine = "local_combine";
inline constexpr std::string_view kCombine = "combine";
inline constexpr std::array kAll{kGather, kRoute,        kPermute, kExperts,
                                 kShared, kLocalCombine, kCombine};
}  // namespace phase

/// Everything that decides how much memory one rank's layer takes.
struct LayerPlan {
    LayerShape shape;
    Shard shard;
    std::int64_t rows{};        ///< of all ranks
    std::int64_t own_rows{};    ///< that this rank brings
    std::int64_t group_rows{};  ///< that this rank wants back
    DType wire{};
    Epilogue epilogue{};
};

/// How a step ends: a strategy, and what it reads.
struct OutputStep {
    Combine* combine{};
    CombineInput input;
    /// Whether an epilogue is part of the strategy's last pass, and no kernel of its own.
    bool fuses_epilogue{};
};

/// The MoE layers of one forward step on one rank, each
///   gather -> route -> permute -> experts -> shared expert -> local combine -> output combine
/// and then the epilogue, if there is one.
/// Layers have weights of their own and share the activations, which are made here, once; a step
/// only enqueues. Every layer reads the step's tokens, not the layer before: what attention would
/// do in between is not modelled, and each layer's result can be checked by itself. How rows are
/// gathered and combined is the caller's choice for each step, so that all candidates work on the
/// same memory.
class MoeLayer {
public:
    struct Parts {
        Device& device;
        const LayerKernelsFactory& kernels;
        std::span<const LayerWeights> weights;  ///< one for each layer
        const RowMap& row_map;
        Communicator& world;
        std::optional<Reach> gathered_reach{};  ///< of the memory that rows are gathered in
        std::optional<Reach> weighted_reach{};  ///< of that of expert rows and their weights
    };
    /// Collective where gathered or expert rows have to reach further.
    MoeLayer(const LayerPlan& plan, const Parts& parts);
    [[nodiscard]] std::size_t layers() const { return weights_.size(); }
    /// Of each layer's weights, which steps take in turns.
    [[nodiscard]] int copies() const { return weights_.front().plan().copies; }

    /// Bytes that the constructor allocates. The rows that this rank's experts may be given are
    /// counted as the most that any routing can send, since a captured graph cannot grow.
    [[nodiscard]] static std::size_t bytes(const LayerPlan& plan,
                                           const LayerKernelsFactory& kernels);
    /// Of what weighted_input() gives; the same on all ranks.
    [[nodiscard]] static WeightedLayout weighted_layout(const LayerPlan& plan,
                                                        const LayerKernelsFactory& kernels);
    /// What this rank's routed experts run on.
    [[nodiscard]] static ExpertsKernel experts_kernel(const LayerPlan& plan,
                                                      const LayerKernelsFactory& kernels);

    /// The whole step: all layers. The last one's result [group_rows, H] is where the combine says
    /// it is; an epilogue leaves it as it is, and what it makes of it in epilogue().
    [[nodiscard]] Matrix forward(Gather& gather, const OutputStep& output, Stream& stream,
                                 Trace& trace);
    [[nodiscard]] Matrix forward_layer(std::size_t layer, Gather& gather, const OutputStep& output,
                                       Stream& stream, Trace& trace);
    /// One layer up to the moment when this rank's expert rows are ready.
    void run_experts(std::size_t layer, Gather& gather, Stream& stream, Trace& trace);
    /// The experts of a second batch: with the rows and the routing of the last run_experts(), the
    /// next copy of the first layer's weights, and results into `out`, shaped like expert_rows().
    /// `spared_sms`: multiprocessors that are left to others.
    void run_second_batch(const Matrix& out, std::int64_t spared_sms, Stream& stream);
    /// The output step: local combine, the combine among ranks, and the epilogue.
    [[nodiscard]] Matrix output(const OutputStep& output, Stream& stream, Trace& trace);
    /// The local combine alone: partial sums as this rank's step leaves them. Nothing for an input
    /// of weighted rows, whose strategy does it.
    void local_combine(const CombineInput& input, Stream& stream, Trace& trace);
    /// The combine among ranks alone, of whatever its input holds.
    [[nodiscard]] Matrix combine_only(const OutputStep& output, Stream& stream, Trace& trace) const;

    [[nodiscard]] Matrix input() const;  ///< [own_rows, H], wire dtype: filled by the caller
    [[nodiscard]] GatherOutput gathered() const;
    [[nodiscard]] Matrix result() const;  ///< [group_rows, H]
    /// Null where there is none.
    [[nodiscard]] ResidualNormStep* epilogue() { return epilogue_ ? &*epilogue_ : nullptr; }
    /// What the routed experts write: as many rows as any routing can send to this rank.
    [[nodiscard]] Matrix expert_rows() const;
    /// How many of them the last run_experts() wrote, the first ones; waits for it.
    [[nodiscard]] std::int64_t valid_expert_rows() const;
    /// Bytes of expert_rows().
    [[nodiscard]] static std::size_t expert_rows_bytes(const LayerPlan& plan,
                                                       const LayerKernelsFactory& kernels);
    /// Expert rows, and how the rows of the layer are made of them: what the local combine reads.
    [[nodiscard]] const CombineInput& weighted_input() const { return weighted_; }
    /// Makes the local combine of the next output steps give exactly `partial_sums` [rows, H], wire
    /// dtype, host memory: as expert rows of weight 1, one for each row. Until experts run again.
    void upload_partial_sums(std::span<const std::byte> partial_sums);
    /// Fills everything that a step writes here with bytes that are NaN in every type, so that
    /// nothing of an earlier step can pass for a result.
    void poison(Stream& stream);

private:
    struct Sizes;
    [[nodiscard]] bool has_shared() const { return plan_.shape.shared_intermediate > 0; }
    [[nodiscard]] Routing routing() const;
    [[nodiscard]] Matrix permuted_rows() const;
    void run_routed(std::size_t layer, const Matrix& out, std::int64_t spared_sms, Stream& stream);

    LayerPlan plan_;
    Device& device_;
    std::span<const LayerWeights> weights_;
    WeightedLayout weighted_layout_;
    // What all ranks make together, before one of them may have no memory.
    UniquePeerMemory weighted_memory_;  ///< null where nobody else reads expert rows
    RowBuffer gathered_;
    std::unique_ptr<LayerKernels> kernels_;
    DType compute_;
    std::int64_t capacity_;  ///< permuted rows at most
    std::vector<int> copy_;  ///< of each layer's weights, for its next run

    Buffer valid_, input_, chosen_, chosen_weight_, shared_weight_;
    Buffer expert_offsets_, permuted_, result_;
    Buffer weighted_buffer_;  ///< in place of weighted_memory_
    /// Expert outputs, the shared expert's rows first, then the permuted rows; and their weights.
    CombineInput weighted_;
    std::optional<ResidualNormStep> epilogue_;
};

/// Writes a rank's tokens into its layer's input(); padding rows are zeros.
void fill_input(Device& device, const Matrix& input, const Synthetic& synthetic,
                const RowMap& row_map, int rank);

}  // namespace moe
