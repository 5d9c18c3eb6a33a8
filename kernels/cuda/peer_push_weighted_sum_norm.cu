// The fused local combine and reduce_scatterv for few rows, whose last pass ends with the residual
// norm: the threads of a group complete a whole row, a vector each, and norm it where they have it.
// What the norm reads of its own they ask for with what they add up, before the next row is sent.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/push_weighted_sum.cuh"
#include "kernels/cuda/spread_norm.cuh"

#include <algorithm>

namespace moe::cuda {
namespace {

/// Expert rows whose loads a thread has in flight, as far as registers go: of more ranks each has
/// fewer for a row.
template <class T, int Most>
using Experts = ExpertRows<T, true, Most, Most == 2 ? 4 : 2>;

/// A group's work on rows.
template <class T, int Most>
class NormedWeightedPush {
public:
    using V = Vector<T, kWide<T>>;
    using Push = WeightedSumPush<T, true, Most, Experts<T, Most>>;

    __device__ NormedWeightedPush(const Push& push, const SpreadNorm<T, kWide<T>>& norm,
                                  const RowShape& shape, const RowGroup& group, int me, T* out)
        : push_(push),
          norm_(norm),
          shape_(shape),
          group_(group),
          vectors_(static_cast<int>(shape.vectors)),
          me_(me),
          out_(out) {}

    __device__ void send(const WeightedPiece& piece, std::int64_t row) {
#pragma unroll 1
        for (int first = 0; first < vectors_; first += group_.threads) {
            push_.send(piece, part(piece, row, first));
        }
    }
    __device__ void look(const WeightedPiece& piece, std::int64_t row) {
        const auto first_part = part(piece, row, 0);
        push_.look(piece, first_part);
        if (owns(piece) && first_part.active) {
            residual_ = norm_.residual(own_first(piece, row), group_.thread);
        }
    }
    __device__ void add(const WeightedPiece& piece, std::int64_t row) {
        const auto own = own_first(piece, row);
        push_.add(piece, part(piece, row, 0), [&](const V& sum) {
            store(own, group_.thread, sum);
            norm_.keep(own, sum, residual_);
        });
#pragma unroll 1
        for (int first = group_.threads; first < vectors_; first += group_.threads) {
            const auto next = part(piece, row, first);
            push_.look(piece, next);
            push_.add(piece, next, [&](const V& sum) { complete(own, first, sum); });
        }
        if (owns(piece)) norm_.finish(own);
    }
    __device__ void take(const WeightedPiece& piece, std::int64_t row) {
        const auto own = own_first(piece, row);
        push_.take_forwarded(piece, part(piece, row, 0), [&](const V& sum) {
            store(own, group_.thread, sum);
            norm_.keep(own, sum, norm_.residual(own, group_.thread));
        });
#pragma unroll 1
        for (int first = group_.threads; first < vectors_; first += group_.threads) {
            push_.take_forwarded(piece, part(piece, row, first),
                                 [&](const V& sum) { complete(own, first, sum); });
        }
        norm_.finish(own);
    }

private:
    [[nodiscard]] __device__ SlicePart part(const WeightedPiece& piece, std::int64_t row,
                                            int first) const {
        return {piece, row, first, shape_, group_.thread};
    }
    /// Whether its rows are this rank's.
    [[nodiscard]] __device__ bool owns(const WeightedPiece& piece) const {
        return piece.owner == me_ && piece.rows > 0;
    }
    /// The row's first vector among this rank's.
    [[nodiscard]] __device__ std::int64_t own_first(const WeightedPiece& piece,
                                                    std::int64_t row) const {
        return (piece.own_first + row) * vectors_;
    }
    __device__ void store(std::int64_t own, int i, const V& sum) {
        norm_vectors<V>(out_)[own + i] = sum;
    }
    /// A vector that the norm does not keep.
    __device__ void complete(std::int64_t own, int first, const V& sum) {
        store(own, first + group_.thread, sum);
        norm_.write(own, first + group_.thread, sum);
    }

    Push push_;
    SpreadNorm<T, kWide<T>> norm_;
    const RowShape& shape_;
    RowGroup group_;
    int vectors_;  ///< of a row
    int me_;
    T* out_;
    V residual_;
};

/// Parts of pieces are rows, and a worker is a group of `group_threads`.
template <class T, int Most>
__global__ void __launch_bounds__(kMostPushThreads)
    push_weighted_sum_norm(const __grid_constant__ Peers peers,
                           const __grid_constant__ PlanView<WeightedPiece> plan,
                           const __grid_constant__ Experts<T, Most> experts, T* out,
                           const __grid_constant__ NormOperands<T> operands, int group_threads,
                           int groups) {
    const auto epoch = epoch_of(peers);
    const RowGroup group(group_threads);
    const SpreadPartials partials(dynamic_smem<std::byte>(), group.number, experts.shape.vectors);
    NormedWeightedPush<T, Most> push({peers, plan, experts, epoch}, {operands, partials, group},
                                     experts.shape, group, peers.rank, out);
    push_weighted_in_turns(
        plan, group.number * static_cast<int>(gridDim.x) + static_cast<int>(blockIdx.x),
        static_cast<int>(gridDim.x) * (static_cast<int>(blockDim.x) / group_threads), groups,
        [&](const WeightedPiece& piece, std::int64_t row) { push.send(piece, row); },
        [&](const WeightedPiece& piece, std::int64_t row) { push.look(piece, row); },
        [&](const WeightedPiece& piece, std::int64_t row) { push.add(piece, row); },
        [&](const WeightedPiece& piece, std::int64_t row) { push.take(piece, row); });
    advance_to(peers, epoch + 1);
}

}  // namespace

void launch_push_weighted_sum_norm(const WeightedPush& push, const ResidualNorm& norm,
                                   const PeerLaunch& how) {
    const auto vectors = push.shape.vectors;
    auto plan = push.plan;
    plan.set_pace([](const WeightedPiece& piece) { return piece.turns(); });
    // As many threads as vectors; of longer rows each has several, as many as the next one.
    const auto in_warps = [](std::int64_t threads) { return ceil_div(threads, kWarp) * kWarp; };
    const auto group_threads =
        in_warps(ceil_div(vectors, ceil_div(vectors, std::int64_t{kMostPushThreads})));
    const auto most_groups =
        std::min<std::int64_t>(kMostPushThreads / group_threads, kMostSlices);
    const PushWorkers workers(plan.turns, plan.sends(), static_cast<int>(most_groups),
                              how.max_blocks, how.blocks(kMostPushBlocks));
    const auto threads = workers.in_block * static_cast<unsigned>(group_threads);
    const auto shared = static_cast<std::size_t>(workers.in_block * SpreadPartials::bytes(vectors));
    visit_native(push.out.dtype, true, [&](auto tag, auto /*lanes*/) {
        using T = typename decltype(tag)::type;
        visit_ranks(push.inbox.ranks, [&](auto ranks) {
            constexpr int kMost = decltype(ranks)::value;
            push_weighted_sum_norm<T, kMost><<<workers.blocks, threads, shared, how.stream>>>(
                push.inbox, plan,
                Experts<T, kMost>{push.rows, push.dense.data, push.shape},
                push.out.as<T>(), norm_operands<T>(norm), static_cast<int>(group_threads),
                workers.groups);
            MOE_CUDA(cudaGetLastError());
        });
    });
}

}  // namespace moe::cuda
