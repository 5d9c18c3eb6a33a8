// The fused local combine and reduce_scatterv for many rows: expert rows come through rings of bulk
// copies in shared memory, of which many are under way however few registers there are, and which
// remote stores that a full link holds up do not hold up. The floor is memory: expert rows are read
// once; what is sent and added costs some percent on top.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/expert_ring.cuh"
#include "kernels/cuda/launch.cuh"

#include <nv/target>

#include <algorithm>

namespace moe::cuda {
namespace {

/// What one call's workers know.
struct RingPush {
    const Peers& peers;
    const PlanView<WeightedPiece>& plan;
    const RowShape& shape;
    std::byte* out;
    std::uint32_t epoch;
};

/// Empties a ring, by one of the threads that share a worker's slices.
template <class T, int Most>
class Adder {
public:
    using V = Vector<T, kWide<T>>;

    __device__ Adder(const RingPush& push, Ring& ring, int thread)
        : push_(push), ring_(ring), thread_(thread) {}

    __device__ void work(const Unit& unit) {
        const auto& [peers, plan, shape, out, epoch] = push_;
        const auto& piece = *unit.piece;
        const SlicePart part(piece, unit.slice, shape, thread_);
        const auto in_row = [&](std::byte* slot) { return slot + part.row * shape.stride; };
        const auto slot = [&](int source) { return in_row(plan.slot(peers, epoch, piece, source)); };
        const auto forward = [&] { return in_row(plan.forward(peers, epoch, piece)); };
        const auto store = [&](const V& value) {
            auto* to = out + (piece.own_first + part.row) * shape.bytes;
            reinterpret_cast<V*>(to)[part.i] = value;
        };
        if (unit.work == Work::take) {
            if (!part.active) return;
            auto* from = forward();
            const auto now = load_relaxed(reinterpret_cast<const uint4*>(from) + part.i);
            store(take<V>(peers, from, part.i, now, piece.helper, epoch));
            return;
        }
        const bool summed = part.row < piece.rows;
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
            store(total.rounded());
        } else {
            post(forward(), part.i, total.rounded());
        }
    }

private:
    /// The weighted sum of this thread's vector, rounded as Device::weighted_sum does; false where
    /// there is none.
    __device__ bool sum(V& rounded) {
        float total[kWide<T>] = {};
        int left = 0;
        do {
            ring_.full[stage_.at].wait(stage_.round % 2);
            left = ring_.left[stage_.at];
            if (left >= 0) {
                const float weight = ring_.weight[stage_.at];
                const auto value = reinterpret_cast<const V*>(ring_.slice[stage_.at])[thread_];
#pragma unroll
                for (int j = 0; j < kWide<T>; ++j) {
                    total[j] += weight * static_cast<float>(value.at[j]);
                }
            }
            __syncwarp();
            if (thread_ % kWarp == 0) ring_.empty[stage_.at].arrive();
            stage_.next();
        } while (left > 0);
#pragma unroll
        for (int j = 0; j < kWide<T>; ++j) rounded.at[j] = static_cast<T>(total[j]);
        return left == 0;
    }

    const RingPush& push_;
    Ring& ring_;
    int thread_;
    Stage stage_;
};

template <class T, int Most>
__device__ void run(const RingPush& push, const WeightedRows& rows, const std::byte* dense) {
    auto* rings = dynamic_smem<Ring>();
    const int worker = static_cast<int>(threadIdx.x) / kWorkerThreads;
    const int thread = static_cast<int>(threadIdx.x) % kWorkerThreads;
    auto& ring = rings[worker];
    ring.init(thread);
    const int blocks = static_cast<int>(gridDim.x);
    Course course(push.plan, worker * blocks + static_cast<int>(blockIdx.x),
                  static_cast<int>(blockDim.x) / kWorkerThreads * blocks);
    if (thread >= kSliceThreads) {
        Filler(ring, course, rows, dense, push.shape).run();
        return;
    }
    Adder<T, Most> adder(push, ring, thread);
    Unit unit{};
    while (course.next(unit)) adder.work(unit);
}

/// Threads are workers of kWorkerThreads each.
template <class T, int Most>
__global__ void __launch_bounds__(kMostWorkers * kWorkerThreads, 1)
    push_weighted_ring(const __grid_constant__ Peers peers,
                       const __grid_constant__ PlanView<WeightedPiece> plan,
                       const WeightedRows rows, const std::byte* dense, const RowShape shape,
                       std::byte* out) {
    const auto epoch = epoch_of(peers);
    NV_IF_TARGET(NV_PROVIDES_SM_90,
                 (run<T, Most>({peers, plan, shape, out, epoch}, rows, dense);))
    advance_to(peers, epoch + 1);
}

}  // namespace

/// Asked for once: a step launches in microseconds.
int ring_workers() {
    static const int most = [] {
        constexpr int kHopper = 90;
        cudaFuncAttributes built{};
        MOE_CUDA(cudaFuncGetAttributes(&built, push_weighted_ring<float, 2>));
        if (built.binaryVersion < kHopper || built.ptxVersion < kHopper) return 0;
        return std::min(shared_memory_of_block() / static_cast<int>(sizeof(Ring)), kMostWorkers);
    }();
    return most;
}

void launch_push_weighted_ring(const WeightedPush& push, const PeerLaunch& how) {
    const auto turns = push.plan.turns;
    const auto in_block = static_cast<int>(std::clamp<std::int64_t>(
        ceil_div(turns, std::int64_t{how.max_blocks}), 1, ring_workers()));
    const auto blocks = static_cast<unsigned>(
        std::min<std::int64_t>(how.max_blocks, ceil_div(turns, std::int64_t{in_block})));
    const auto shared = sizeof(Ring) * static_cast<std::size_t>(in_block);
    visit_native(push.out.dtype, true, [&](auto tag, auto /*lanes*/) {
        using T = typename decltype(tag)::type;
        visit_ranks(push.inbox.ranks, [&](auto ranks) {
            const auto kernel = push_weighted_ring<T, decltype(ranks)::value>;
            // Of the most that any call takes: a graph may hold a call that takes more than this.
            MOE_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                          static_cast<int>(sizeof(Ring)) * ring_workers()));
            kernel<<<blocks, static_cast<unsigned>(in_block) * kWorkerThreads, shared,
                     how.stream>>>(push.inbox, push.plan, push.rows, push.dense.data, push.shape,
                                   push.out.data);
            MOE_CUDA(cudaGetLastError());
        });
    });
}

}  // namespace moe::cuda
