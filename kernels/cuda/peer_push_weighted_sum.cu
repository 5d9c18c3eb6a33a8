// The local combine and the reduce_scatterv in one kernel: every rank sums, in registers, the
// expert rows that it has for a row, and writes one row into the inbox of the rank that adds it up.
// Rows that it has none for are not sent. The floor is memory: expert rows are read once.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/push_weighted_sum.cuh"

#include <algorithm>

namespace moe::cuda {
namespace {

/// Slices of the longest piece, for each block that may wait, from which on the ring is faster
/// (kernels/README.md).
constexpr std::int64_t kRingTurns = 4;

/// Parts of pieces are slices, and a worker is kSliceThreads threads.
template <class T, bool Wide, int Most>
__global__ void __launch_bounds__(kMostPushThreads)
    push_weighted_sum(const __grid_constant__ Peers peers,
                      const __grid_constant__ PlanView<WeightedPiece> plan,
                      const ExpertRows<T, Wide, Most> experts, std::byte* out, int groups) {
    using V = Vector<T, kWide<T>>;
    const auto epoch = epoch_of(peers);
    const auto& shape = experts.shape;
    WeightedSumPush<T, Wide, Most> push(peers, plan, experts, epoch);
    const auto part_of = [&](const WeightedPiece& piece, std::int64_t slice) {
        return SlicePart(piece, slice, shape, static_cast<int>(threadIdx.x) % kSliceThreads);
    };
    const auto store = [&](const WeightedPiece& piece, const SlicePart& part, const V& value) {
        auto* to = out + (piece.own_first + part.row) * shape.bytes;
        if constexpr (Wide) {
            reinterpret_cast<V*>(to)[part.i] = value;
        } else {
            store_padded<T, false>(to, part.i, shape.bytes, value);
        }
    };
    push_weighted_in_turns(
        plan, static_cast<int>(threadIdx.x / kSliceThreads * gridDim.x + blockIdx.x),
        static_cast<int>(gridDim.x * (blockDim.x / kSliceThreads)), groups,
        [&](const WeightedPiece& piece, std::int64_t slice) {
            push.send(piece, part_of(piece, slice));
        },
        [&](const WeightedPiece& piece, std::int64_t slice) {
            push.look(piece, part_of(piece, slice));
        },
        [&](const WeightedPiece& piece, std::int64_t slice) {
            const auto part = part_of(piece, slice);
            push.add(piece, part, [&](const V& sum) { store(piece, part, sum); });
        },
        [&](const WeightedPiece& piece, std::int64_t slice) {
            const auto part = part_of(piece, slice);
            push.take_forwarded(piece, part, [&](const V& sum) { store(piece, part, sum); });
        });
    advance_to(peers, epoch + 1);
}

}  // namespace

bool push_weighted_norms(std::int64_t most_rows, std::size_t row_bytes, int max_blocks) {
    const auto slices = ceil_div(static_cast<std::int64_t>(row_bytes), std::int64_t{kSliceBytes});
    return row_bytes <= kMostNormVectors * kVectorBytes && most_rows * slices < max_blocks * kRingTurns;
}

void launch_push_weighted_sum(const Peers& inbox, const PushWeightedSum& sum,
                              const PeerLaunch& how) {
    MOE_EXPECT(sum.dense.cols == sum.out.cols && sum.dense.dtype == sum.out.dtype,
               "experts compute in the type that rows travel as");
    RowShape shape{};
    shape.bytes = static_cast<std::int64_t>(sum.out.row_bytes());
    shape.stride = static_cast<std::int64_t>(PushWeightedSum::inbox_row_bytes(sum.out.row_bytes()));
    shape.vectors = ceil_div(shape.bytes, std::int64_t{kVectorBytes});
    shape.slices = ceil_div(shape.vectors, std::int64_t{kSliceThreads});
    const auto rows_in = [&](std::size_t bytes) {
        return static_cast<std::int64_t>(bytes) / shape.stride;
    };
    auto plan =
        view_of<WeightedPiece>(inbox.rank, sum.plan, sum.half_bytes, [&](const PushPiece& piece) {
            WeightedPiece made{};
            made.first = rows_in(piece.offset);
            made.rows = rows_in(piece.bytes);
            made.own_first = rows_in(piece.in_own);
            return made;
        });
    plan.set_pace([&](const WeightedPiece& piece) { return piece.turns() * shape.slices; });
    const auto turns = plan.turns;
    const bool wide = rows_are_wide(sum.out.row_bytes(), {sum.dense.data, sum.out.data});
    const bool by_ring = turns >= how.max_blocks * kRingTurns && shape.bytes % kVectorBytes == 0 &&
                         ring_workers() > 0;
    // Others may have wide rows, and run the ring, whose blocks all wait at once: so must these.
    const int most_blocks = by_ring ? how.max_blocks : how.blocks(kMostPushBlocks);
    const WeightedPush push{inbox, plan, sum.rows, shape, sum.dense, sum.out};
    if (sum.norm != nullptr) {
        const auto& norm = *sum.norm;
        MOE_EXPECT(rows_are_wide(sum.out.row_bytes(),
                                 {sum.dense.data, sum.out.data, norm.residual.data,
                                  norm.weight.data, norm.hidden.data, norm.normed.data}),
                   "rows of whole vectors take a norm");
        launch_push_weighted_sum_norm(push, norm, how);
        return;
    }
    if (by_ring && wide) {
        launch_push_weighted_ring(push, how);
        return;
    }
    const PushWorkers workers(turns, plan.sends(), kMostSlices, how.max_blocks, most_blocks);
    visit_native(sum.out.dtype, true, [&](auto tag, auto /*lanes*/) {
        using T = typename decltype(tag)::type;
        visit_ranks(inbox.ranks, [&](auto ranks) {
            constexpr int kMost = decltype(ranks)::value;
            const auto launch = [&]<bool Wide>(std::bool_constant<Wide> /*wide*/) {
                push_weighted_sum<T, Wide, kMost>
                    <<<workers.blocks, workers.in_block * kSliceThreads, 0, how.stream>>>(
                        inbox, plan, ExpertRows<T, Wide, kMost>{sum.rows, sum.dense.data, shape},
                        sum.out.data, workers.groups);
            };
            if (wide) {
                launch(std::true_type{});
            } else {
                launch(std::false_type{});
            }
            MOE_CUDA(cudaGetLastError());
        });
    });
}

}  // namespace moe::cuda
