// What a push of weighted sums is made of: what threads send, add up and take of a part of a row,
// and in which order workers, which are some threads each, do so.
#pragma once

#include "kernels/cuda/expert_rows.cuh"
#include "kernels/cuda/lamport.cuh"
#include "kernels/cuda/push_plan.cuh"
#include "kernels/cuda/push_weighted.cuh"

#include <algorithm>
#include <cstdint>

namespace moe::cuda {

/// Slices that a block works on at once.
constexpr int kMostSlices = 4;
constexpr int kMostPushThreads = kSliceThreads * kMostSlices;

/// A thread's work on parts of rows, in one call. All lanes of a warp call together.
template <class T, bool Wide, int Most, class Experts = ExpertRows<T, Wide, Most>>
class WeightedSumPush {
public:
    using V = Vector<T, kWide<T>>;

    __device__ WeightedSumPush(const Peers& peers, const PlanView<WeightedPiece>& plan,
                               const Experts& experts, std::uint32_t epoch)
        : peers_(peers), plan_(plan), experts_(experts), epoch_(epoch) {}

    __device__ void send(const WeightedPiece& piece, const SlicePart& part) const {
        if (!part.any) return;
        auto* to = slot(piece, part, peers_.rank);
        if (!has(piece, part)) {
            if (threadIdx.x % kWarp == 0) post_no_row(to, part.i);
        } else if (part.active) {
            post_row(to, part.i, experts_.sum(piece.first + part.row, part.i));
        }
    }
    /// Loads what add() of the part adds up: this rank's own sum, and what has come by now.
    __device__ void look(const WeightedPiece& piece, const SlicePart& part) {
        if (!part.active) return;
#pragma unroll
        for (int source = 0; source < Most; ++source) {
            if (source >= peers_.ranks || source == peers_.rank) continue;
            seen_[source] =
                load_relaxed(reinterpret_cast<const uint4*>(slot(piece, part, source)) + part.i);
        }
        own_ = has(piece, part) ? experts_.sum(piece.first + part.row, part.i) : V{};
    }
    /// store(sum) of the vector, where it is one of this rank's rows; others' sums are forwarded.
    template <class Store>
    __device__ void add(const WeightedPiece& piece, const SlicePart& part, Store&& store) {
        if (!part.any) return;
        VectorSum<T, kWide<T>> sum;
#pragma unroll
        for (int source = 0; source < Most; ++source) {
            if (source >= peers_.ranks) break;
            if (source == peers_.rank) {
                sum.add(own_);
                continue;
            }
            sum.add(take_row<V>(peers_, slot(piece, part, source), part.i, seen_[source],
                                part.active, source, epoch_));
        }
        if (!part.active || piece.rows == 0) return;
        if (piece.owner == peers_.rank) {
            store(sum.rounded());
        } else {
            post(forward(piece, part), part.i, sum.rounded());
        }
    }
    /// store(sum) of the vector, which a helper has forwarded.
    template <class Store>
    __device__ void take_forwarded(const WeightedPiece& piece, const SlicePart& part,
                                   Store&& store) const {
        if (!part.active) return;
        auto* from = forward(piece, part);
        const auto now = load_relaxed(reinterpret_cast<const uint4*>(from) + part.i);
        store(take<V>(peers_, from, part.i, now, piece.helper, epoch_));
    }

private:
    [[nodiscard]] __device__ bool has(const WeightedPiece& piece, const SlicePart& part) const {
        return piece.rows > 0 && experts_.has(piece.first + part.row);
    }
    [[nodiscard]] __device__ std::byte* slot(const WeightedPiece& piece, const SlicePart& part,
                                             int source) const {
        return plan_.slot(peers_, epoch_, piece, source) + part.row * experts_.shape.stride;
    }
    [[nodiscard]] __device__ std::byte* forward(const WeightedPiece& piece,
                                                const SlicePart& part) const {
        return plan_.forward(peers_, epoch_, piece) + part.row * experts_.shape.stride;
    }

    const Peers& peers_;
    const PlanView<WeightedPiece>& plan_;
    const Experts& experts_;
    std::uint32_t epoch_;
    uint4 seen_[Most] = {};
    V own_{};
};

/// Workers of a launch. Blocks first, then as many workers each as there is something to do for. If
/// that many may wait at once, there are groups of them with a worker for each turn: the last one
/// adds, and the others share what is sent; one group does it all in turn.
struct PushWorkers {
    unsigned blocks, in_block;
    int groups;

    /// sends: to how many pieces; most_in_block: workers; at_once: blocks that may wait at once;
    /// most: blocks.
    PushWorkers(std::int64_t turns, int sends, int most_in_block, int at_once, int most) {
        const auto room = std::int64_t{at_once} * most_in_block;
        groups = static_cast<int>(std::clamp<std::int64_t>(room / turns, 1, 1 + sends));
        const auto count = groups * turns;
        const auto here = std::clamp<std::int64_t>(ceil_div(count, at_once), 1, most_in_block);
        blocks = static_cast<unsigned>(
            std::clamp<std::int64_t>(ceil_div(count, here), 1, groups > 1 ? at_once : most));
        in_block = static_cast<unsigned>(here);
    }
};

/// Turns go round the workers: in each a worker sends the parts of pieces that are due (PlanView),
/// to all helpers, then, one round behind, adds its own pieces' parts, as in push_in_turns(). Where
/// there are several groups of workers (PushWorkers), a worker has its group's work of one turn.
/// send, look, add and take get a piece and a part of it; add comes after a look. Worker n of a
/// block has the number n * gridDim.x + blockIdx.x.
template <class Send, class Look, class Add, class Take>
__device__ void push_weighted_in_turns(const PlanView<WeightedPiece>& plan, int worker, int workers,
                                       int groups, Send&& send, Look&& look,
                                       Add&& add, Take&& take) {
    const auto turns = plan.turns;
    auto turn = worker;
    int group = 0;
    if (groups > 1) {
        for (; group < groups && turn >= turns; ++group) turn -= turns;
        if (group == groups) return;
    }
    const bool sends = groups == 1 || group < groups - 1;
    const bool adds = group == groups - 1;
    const int step = groups > 1 ? groups - 1 : 1;
    const auto lag = groups > 1 ? 0 : workers;
    const auto send_all = [&] {
#pragma unroll 1
        for (int n = group; n < plan.sends(); n += step) {
            const auto& piece = plan.to_send(n);
            const auto part = plan.part(piece, turn);
            if (part >= 0) send(piece, part);
        }
    };
    for (; turn - 2 * lag < turns; turn += groups > 1 ? turns : workers) {
        const auto before = turn - lag;
        const bool adding = adds && before >= 0 && before < turns;
#pragma unroll 1
        for (int n = plan.own - 1; n >= 0; --n) {
            const auto& piece = plan.at[plan.first + n];
            const auto part = adding ? plan.part(piece, before) : -1;
            // Before what is sent: loads would stand behind stores that a full link holds up.
            if (part >= 0) look(piece, part);
            if (sends && n == 0 && turn < turns) send_all();
            if (part >= 0) add(piece, part);
        }
        const auto forwarded = before - lag;
        if (!adds || forwarded < 0 || forwarded >= turns) continue;
#pragma unroll 1
        for (int i = 0; i < plan.takes; ++i) {
            const auto& piece = plan.at[plan.taken[i]];
            const auto part = plan.part(piece, forwarded);
            if (part >= 0) take(piece, part);
        }
    }
}

}  // namespace moe::cuda
