// The local combine and the reduce_scatterv in one kernel: every rank sums, in registers, the
// expert rows that it has for a row, and writes one row into the inbox of the rank that adds it up.
// Rows that it has none for are not sent. The floor is memory: expert rows are read once.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/push_weighted.cuh"

#include <algorithm>
#include <limits>

namespace moe::cuda {
namespace {

constexpr int kMostSlices = 4;
constexpr int kMostThreads = kSliceThreads * kMostSlices;
/// Blocks where a GPU is one rank's alone; see peer_push_sum.cu.
constexpr int kMostBlocks = 1024;
static_assert(kMostBlocks <= kMaxEpochs);
/// Expert rows whose loads are in flight together, as far as registers go.
template <bool Wide, int Most>
constexpr int kUnroll = !Wide       ? 1
                        : Most == 2 ? 8
                                    : 4;

/// Slices of the longest piece, for each block that may wait, from which on the ring is faster
/// (kernels/README.md).
constexpr std::int64_t kRingTurns = 4;

/// Where the expert rows are, and what rows are made of them.
template <class T, bool Wide, int kUnroll>
struct ExpertRows {
    using V = Vector<T, kWide<T>>;
    WeightedRows rows;
    const std::byte* dense;
    RowShape shape;

    [[nodiscard]] __device__ bool has(std::int64_t row) const {
        return rows.offsets[row] < rows.offsets[row + 1];
    }
    /// Vector i of the weighted sum, rounded as Device::weighted_sum does.
    [[nodiscard]] __device__ V sum(std::int64_t row, std::int64_t i) const {
        float total[kWide<T>] = {};
        const auto end = rows.offsets[row + 1];
        for (auto entry = rows.offsets[row]; entry < end; entry += kUnroll) {
            V value[kUnroll];
            float weight[kUnroll];
#pragma unroll
            for (int u = 0; u < kUnroll; ++u) {
                if (entry + u < end) {
                    weight[u] = rows.weights[entry + u];
                    value[u] = load(rows.indices[entry + u], i);
                }
            }
#pragma unroll
            for (int u = 0; u < kUnroll; ++u) {
                if (entry + u < end) {
#pragma unroll
                    for (int j = 0; j < kWide<T>; ++j) {
                        total[j] += weight[u] * static_cast<float>(value[u].at[j]);
                    }
                }
            }
        }
        V rounded;
#pragma unroll
        for (int j = 0; j < kWide<T>; ++j) rounded.at[j] = static_cast<T>(total[j]);
        return rounded;
    }

private:
    [[nodiscard]] __device__ V load(std::int64_t index, std::int64_t i) const {
        const auto* from = dense + index * shape.bytes;
        if constexpr (Wide) {
            return reinterpret_cast<const V*>(from)[i];
        } else {
            return load_padded<T, false>(from, i, shape.bytes);
        }
    }
};

/// Slices of all pieces go round the workers, of which each is kSliceThreads threads: first slice
/// after slice to all helpers, then, one turn behind, those of one's own pieces, as in push_sum. In
/// `halves`, where there are few slices, one half of the workers sends and the other adds.
template <class T, bool Wide, int Most>
__global__ void __launch_bounds__(kMostThreads)
    push_weighted_sum(const __grid_constant__ Peers peers,
                      const __grid_constant__ PlanView<WeightedPiece> plan,
                      const ExpertRows<T, Wide, kUnroll<Wide, Most>> experts, std::byte* out,
                      std::int64_t turns, bool halves) {
    using V = Vector<T, kWide<T>>;
    const auto epoch = epoch_of(peers);
    const int me = peers.rank;
    const int lane = threadIdx.x % kWarp;
    const auto& shape = experts.shape;

    const auto part_of = [&](const WeightedPiece& piece, std::int64_t turn) {
        return SlicePart(piece, turn, shape, static_cast<int>(threadIdx.x) % kSliceThreads);
    };
    const auto has = [&](const WeightedPiece& piece, const SlicePart& part) {
        return piece.rows > 0 && experts.has(piece.first + part.row);
    };
    const auto store = [&](const WeightedPiece& piece, const SlicePart& part, const V& value) {
        auto* to = out + (piece.own_first + part.row) * shape.bytes;
        if constexpr (Wide) {
            reinterpret_cast<V*>(to)[part.i] = value;
        } else {
            store_padded<T, false>(to, part.i, shape.bytes, value);
        }
    };
    const auto send = [&](const WeightedPiece& piece, std::int64_t turn) {
        const auto part = part_of(piece, turn);
        if (!part.any) return;
        auto* to = plan.slot(peers, epoch, piece, me) + part.row * shape.stride;
        if (!has(piece, part)) {
            if (lane == 0) post_no_row(to, part.i);
        } else if (part.active) {
            post_row(to, part.i, experts.sum(piece.first + part.row, part.i));
        }
    };
    uint4 seen[Most] = {};
    V own{};
    const auto look = [&](const WeightedPiece& piece, std::int64_t turn) {
        const auto part = part_of(piece, turn);
        if (!part.active) return;
#pragma unroll
        for (int source = 0; source < Most; ++source) {
            if (source >= peers.ranks || source == me) continue;
            const auto* from = plan.slot(peers, epoch, piece, source) + part.row * shape.stride;
            seen[source] = load_relaxed(reinterpret_cast<const uint4*>(from) + part.i);
        }
        own = has(piece, part) ? experts.sum(piece.first + part.row, part.i) : V{};
    };
    const auto add = [&](const WeightedPiece& piece, std::int64_t turn) {
        const auto part = part_of(piece, turn);
        if (!part.any) return;
        VectorSum<T, kWide<T>> sum;
#pragma unroll
        for (int source = 0; source < Most; ++source) {
            if (source >= peers.ranks) break;
            if (source == me) {
                sum.add(own);
                continue;
            }
            auto* from = plan.slot(peers, epoch, piece, source) + part.row * shape.stride;
            sum.add(take_row<V>(peers, from, part.i, seen[source], part.active, source, epoch));
        }
        if (!part.active || piece.rows == 0) return;
        if (piece.owner == me) {
            store(piece, part, sum.rounded());
        } else {
            post(plan.forward(peers, epoch, piece) + part.row * shape.stride, part.i,
                 sum.rounded());
        }
    };
    const auto take_forwarded = [&](const WeightedPiece& piece, std::int64_t turn) {
        const auto part = part_of(piece, turn);
        if (!part.active) return;
        auto* from = plan.forward(peers, epoch, piece) + part.row * shape.stride;
        const auto now = load_relaxed(reinterpret_cast<const uint4*>(from) + part.i);
        store(piece, part, take<V>(peers, from, part.i, now, piece.helper, epoch));
    };
    const auto send_all = [&](std::int64_t turn) {
#pragma unroll 1
        for (int n = 0; n < plan.count - plan.own; ++n) send(plan.to_send(n), turn);
    };
    const auto take_all = [&](std::int64_t turn) {
        if (!plan.takes) return;
#pragma unroll 1
        for (int n = 0; n < plan.count; ++n) {
            const auto& piece = plan.at[n];
            if (piece.owner == me && piece.helper != me) take_forwarded(piece, turn);
        }
    };
    const std::int64_t workers = std::int64_t{gridDim.x} * (blockDim.x / kSliceThreads);
    const auto worker = threadIdx.x / kSliceThreads * std::int64_t{gridDim.x} + blockIdx.x;
    const bool sends = !halves || worker < turns;
    const bool adds = !halves || worker >= turns;
    const auto lag = halves ? 0 : workers;
    for (auto turn = sends ? worker : worker - turns; turn - 2 * lag < turns;
         turn += halves ? turns : workers) {
        const auto before = turn - lag;
        const bool adding = adds && before >= 0 && before < turns;
#pragma unroll 1
        for (int n = plan.own - 1; n >= 0; --n) {
            const auto& piece = plan.at[plan.first + n];
            // Before what is sent: loads would stand behind stores that a full link holds up.
            if (adding) look(piece, before);
            if (sends && n == 0) send_all(turn);
            if (adding) add(piece, before);
        }
        if (adds) take_all(before - lag);
    }
    advance_to(peers, epoch + 1);
}

/// Blocks first, then as many workers each as there is something to do for, twice over if all may
/// be there at once: one to send and one to add.
struct Workers {
    unsigned blocks, threads;
    bool halves;

    Workers(std::int64_t turns, int at_once, int most) {
        const auto wanted = 2 * turns;
        const auto resident = std::int64_t{at_once} * kMostSlices;
        halves = wanted <= resident;
        const auto count = halves ? wanted : turns;
        const auto in_block = std::clamp<std::int64_t>(ceil_div(count, at_once), 1, kMostSlices);
        blocks = static_cast<unsigned>(
            std::clamp<std::int64_t>(ceil_div(count, in_block), 1, halves ? at_once : most));
        threads = static_cast<unsigned>(in_block) * kSliceThreads;
    }
};

}  // namespace

void launch_push_weighted_sum(const Peers& inbox, const PushWeightedSum& sum,
                              const PeerLaunch& how) {
    MOE_EXPECT(sum.dense.cols == sum.out.cols && sum.dense.dtype == sum.out.dtype,
               "experts compute in the type that rows travel as");
    MOE_EXPECT(sum.norm == nullptr, "different blocks complete a row: it takes no norm");
    RowShape shape{};
    shape.bytes = static_cast<std::int64_t>(sum.out.row_bytes());
    shape.stride = static_cast<std::int64_t>(PushWeightedSum::inbox_row_bytes(sum.out.row_bytes()));
    shape.vectors = ceil_div(shape.bytes, std::int64_t{kVectorBytes});
    shape.slices = ceil_div(shape.vectors, std::int64_t{kSliceThreads});
    const auto rows_in = [&](std::size_t bytes) {
        return static_cast<std::int64_t>(bytes) / shape.stride;
    };
    std::int64_t most = 0;
    const auto plan =
        view_of<WeightedPiece>(inbox.rank, sum.plan, sum.half_bytes, [&](const PushPiece& piece) {
            WeightedPiece made{};
            made.first = rows_in(piece.offset);
            made.rows = rows_in(piece.bytes);
            made.own_first = rows_in(piece.in_own);
            most = std::max(most, made.turns());
            return made;
        });
    const auto turns = most * shape.slices;
    MOE_EXPECT(turns <= std::numeric_limits<int>::max(), "more slices of rows than a call can have");
    const bool wide = rows_are_wide(sum.out.row_bytes(), {sum.dense.data, sum.out.data});
    const bool by_ring = turns >= how.max_blocks * kRingTurns && ring_takes(shape.bytes);
    if (by_ring && wide) {
        launch_push_weighted_ring({inbox, plan, sum.rows, shape, sum.dense, sum.out, turns}, how);
        return;
    }
    // Others may have wide rows, and run the ring, whose blocks all wait at once: so must these.
    const Workers workers(turns, how.max_blocks,
                          by_ring ? how.max_blocks : how.blocks(kMostBlocks));
    visit_native(sum.out.dtype, true, [&](auto tag, auto /*lanes*/) {
        using T = typename decltype(tag)::type;
        visit_ranks(inbox.ranks, [&](auto ranks) {
            constexpr int kMost = decltype(ranks)::value;
            const auto launch = [&]<bool Wide>(std::bool_constant<Wide> /*wide*/) {
                push_weighted_sum<T, Wide, kMost>
                    <<<workers.blocks, workers.threads, 0, how.stream>>>(
                        inbox, plan,
                        ExpertRows<T, Wide, kUnroll<Wide, kMost>>{sum.rows, sum.dense.data, shape},
                        sum.out.data, turns, workers.halves);
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
