// What a worker does with slices of expert rows that come through its ring: its threads add them
// up and send or complete them, and one warp fills the ring.
#pragma once

#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/expert_ring.cuh"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace moe::cuda {

/// What one call's workers know.
struct RingPush {
    const Peers& peers;
    const PlanView<WeightedPiece>& plan;
    const RowShape& shape;
    std::uint32_t epoch;
};

/// Empties a ring, by one of the threads that share a worker's slices. Rows: what becomes of this
/// rank's rows. look(piece, part) comes before others' sums of a part are waited for, and
/// store(piece, part, vector) when its vector is complete.
template <class T, int Most, class Rows>
class Adder {
public:
    using V = Vector<T, kWide<T>>;

    __device__ Adder(const RingPush& push, Ring& ring, int thread, Rows& rows)
        : push_(push), reader_(ring, thread), thread_(thread), rows_(rows) {}

    __device__ void work(const Unit& unit) {
        const auto& [peers, plan, shape, epoch] = push_;
        const auto& piece = *unit.piece;
        const SlicePart part(piece, unit.turn, shape, thread_);
        const auto in_row = [&](std::byte* slot) { return slot + part.row * shape.stride; };
        const auto slot = [&](int source) { return in_row(plan.slot(peers, epoch, piece, source)); };
        const auto forward = [&] { return in_row(plan.forward(peers, epoch, piece)); };
        if (unit.work == Work::take) {
            if (!part.active) return;
            rows_.look(piece, part);
            auto* from = forward();
            const auto now = load_relaxed(reinterpret_cast<const uint4*>(from) + part.i);
            rows_.store(piece, part, take<V>(peers, from, part.i, now, piece.helper, epoch));
            return;
        }
        const bool summed = unit.turn >= 0 && part.row < piece.rows;
        V own{};
        if (unit.work == Work::send) {
            const bool has = summed && sum(own);
            if (!part.any) return;
            if (!has) {
                if (thread_ % kWarp == 0) post_no_row(slot(peers.rank), part.i);
            } else if (part.active) {
                post_row(slot(peers.rank), part.i, own);
            }
            return;
        }
        // Before the sum, which it then comes beside.
        uint4 seen[Most] = {};
#pragma unroll
        for (int source = 0; source < Most; ++source) {
            if (!part.active || source >= peers.ranks || source == peers.rank) continue;
            seen[source] = load_relaxed(reinterpret_cast<const uint4*>(slot(source)) + part.i);
        }
        rows_.look(piece, part);
        if (summed) sum(own);
        if (!part.any) return;
        VectorSum<T, kWide<T>> total;
#pragma unroll
        for (int source = 0; source < Most; ++source) {
            if (source >= peers.ranks) break;
            total.add(source == peers.rank ? own
                                           : take_row<V>(peers, slot(source), part.i, seen[source],
                                                         part.active, source, epoch));
        }
        if (!part.active || piece.rows == 0) return;
        if (piece.owner == peers.rank) {
            rows_.store(piece, part, total.rounded());
        } else {
            post(forward(), part.i, total.rounded());
        }
    }

private:
    /// The weighted sum of this thread's vector, rounded as Device::weighted_sum does; false where
    /// there is none.
    __device__ bool sum(V& rounded) {
        float total[kWide<T>] = {};
        const bool any = reader_.template sum<V>([&](const V& value, float weight, int /*rank*/) {
#pragma unroll
            for (int j = 0; j < kWide<T>; ++j) total[j] += weight * static_cast<float>(value.at[j]);
        });
#pragma unroll
        for (int j = 0; j < kWide<T>; ++j) rounded.at[j] = static_cast<T>(total[j]);
        return any;
    }

    const RingPush& push_;
    RingReader reader_;
    int thread_;
    Rows& rows_;
};

/// All of a thread's work, in one call. rows: see Adder; its end(unit) comes after each unit.
template <class T, int Most, class AnyCourse, class Rows>
__device__ void work_by_ring(const RingPush& push, Ring& ring, const RingThread& me,
                             AnyCourse course, const WeightedRows& weighted,
                             const std::byte* dense, Rows rows) {
    ring.init(me.thread);
    if (me.thread >= kSliceThreads) {
        Filler(ring, course, weighted, dense, push.shape).run();
        return;
    }
    Adder<T, Most, Rows> adder(push, ring, me.thread, rows);
    Unit unit{};
    while (course.next(unit)) {
        adder.work(unit);
        rows.end(unit);
    }
}

/// The course of this thread's worker, over `turns` turns.
[[nodiscard]] __device__ inline Course course_of(const RingPush& push, const RingThread& me,
                                                 int turns) {
    const int blocks = static_cast<int>(gridDim.x);
    return {push.plan, push.peers.rank, turns, me.worker * blocks + static_cast<int>(blockIdx.x),
            static_cast<int>(blockDim.x) / kWorkerThreads * blocks};
}

}  // namespace moe::cuda
