// The fused local combine and reduce_scatterv for many rows: expert rows come through rings of bulk
// copies in shared memory, of which many are under way however few registers there are, and which
// remote stores that a full link holds up do not hold up. The floor is memory: expert rows are read
// once; what is sent and added costs some percent on top.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/residual_norm.cuh"
#include "kernels/cuda/ring_push.cuh"

#include <nv/target>

#include <algorithm>

namespace moe::cuda {
namespace {

/// Writes this rank's rows, and that is all.
template <class T>
struct PlainRows {
    std::byte* out;
    const RowShape& shape;

    __device__ void look(const WeightedPiece& /*piece*/, const SlicePart& /*part*/) const {}
    __device__ void store(const WeightedPiece& piece, const SlicePart& part,
                          const Vector<T, kWide<T>>& value) const {
        auto* to = out + (piece.own_first + part.row) * shape.bytes;
        reinterpret_cast<Vector<T, kWide<T>>*>(to)[part.i] = value;
    }
    __device__ void end(const Unit& /*unit*/) const {}
};

template <class T, int Most>
__device__ void run(const RingPush& push, const WeightedRows& rows, const std::byte* dense,
                    std::byte* out, int turns) {
    const RingThread me;
    work_by_ring<T, Most>(push, dynamic_smem<Ring>()[me.worker], me, course_of(push, me, turns),
                          rows, dense, PlainRows<T>{out, push.shape});
}

/// Threads are workers of kWorkerThreads each.
template <class T, int Most>
__global__ void __launch_bounds__(kMostWorkers * kWorkerThreads, 1)
    push_weighted_ring(const __grid_constant__ Peers peers,
                       const __grid_constant__ PlanView<WeightedPiece> plan,
                       const WeightedRows rows, const std::byte* dense, const RowShape shape,
                       std::byte* out, int turns) {
    const auto epoch = epoch_of(peers);
    NV_IF_TARGET(NV_PROVIDES_SM_90,
                 (run<T, Most>({peers, plan, shape, epoch}, rows, dense, out, turns);))
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
        constexpr int kBytes = sizeof(Ring) + sizeof(NormPartials);
        return std::min(shared_memory_of_block() / kBytes, kMostWorkers);
    }();
    return most;
}

void launch_push_weighted_ring(const WeightedPush& push, const PeerLaunch& how) {
    const RingGrid grid(push.turns, how.max_blocks);
    visit_native(push.out.dtype, true, [&](auto tag, auto /*lanes*/) {
        using T = typename decltype(tag)::type;
        visit_ranks(push.inbox.ranks, [&](auto ranks) {
            const auto kernel = push_weighted_ring<T, decltype(ranks)::value>;
            allow_ring_workers(kernel, sizeof(Ring));
            kernel<<<grid.blocks, grid.threads(), grid.workers * sizeof(Ring), how.stream>>>(
                push.inbox, push.plan, push.rows, push.dense.data, push.shape, push.out.data,
                static_cast<int>(push.turns));
            MOE_CUDA(cudaGetLastError());
        });
    });
}

}  // namespace moe::cuda
