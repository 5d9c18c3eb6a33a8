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

/// Workers of a launch. Blocks first, then as many workers each as there is something to do for,
/// twice over if all may be there at once: then one half of them sends and the other adds.
struct PushWorkers {
    unsigned blocks, in_block;
    bool halves;

    /// most_in_block: workers; at_once: blocks that may wait at once; most: blocks.
    PushWorkers(std::int64_t turns, int most_in_block, int at_once, int most) {
        const auto wanted = 2 * turns;
        halves = wanted <= std::int64_t{at_once} * most_in_block;
        const auto count = halves ? wanted : turns;
        const auto here = std::clamp<std::int64_t>(ceil_div(count, at_once), 1, most_in_block);
        blocks = static_cast<unsigned>(
            std::clamp<std::int64_t>(ceil_div(count, here), 1, halves ? at_once : most));
        in_block = static_cast<unsigned>(here);
    }
};

/// Turns go round the workers: first turn after turn to all helpers, then, one round behind, those
/// of one's own pieces, as in push_in_turns(). In `halves`, where there are few turns, one half of
/// the workers sends and the other adds. send, look, add and take get a piece and a turn, which may
/// lie outside it; add comes after a look. Worker n of a block has the number n * gridDim.x +
/// blockIdx.x.
template <class Send, class Look, class Add, class Take>
__device__ void push_weighted_in_turns(const PlanView<WeightedPiece>& plan, int me,
                                       std::int64_t turns, std::int64_t worker,
                                       std::int64_t workers, bool halves, Send&& send, Look&& look,
                                       Add&& add, Take&& take) {
    const auto send_all = [&](std::int64_t turn) {
#pragma unroll 1
        for (int n = 0; n < plan.count - plan.own; ++n) send(plan.to_send(n), turn);
    };
    const auto take_all = [&](std::int64_t turn) {
        if (!plan.takes) return;
#pragma unroll 1
        for (int n = 0; n < plan.count; ++n) {
            const auto& piece = plan.at[n];
            if (piece.owner == me && piece.helper != me) take(piece, turn);
        }
    };
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
}

}  // namespace moe::cuda
