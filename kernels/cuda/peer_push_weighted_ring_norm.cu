// The fused local combine and reduce_scatterv for many rows, whose last pass ends with the residual
// norm: a worker completes a row slice after slice, adds up squares as it does, and norms the row
// after its last slice, which it then reads again from caches, while its ring fills with the next.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ring_push.cuh"
#include "kernels/cuda/slice_norm.cuh"

#include <nv/target>

namespace moe::cuda {
namespace {

/// Writes this rank's rows, and norms each when it is complete.
template <class T>
class NormedRows {
public:
    using V = Vector<T, kWide<T>>;

    __device__ NormedRows(const SliceNorm<T>& norm, T* out, const RowShape& shape, int rank)
        : norm_(norm), out_(out), shape_(shape), rank_(rank) {}

    __device__ void look(const WeightedPiece& piece, const SlicePart& part) {
        if (piece.owner == rank_ && piece.rows > 0 && part.active) {
            residual_ = norm_.residual(first(piece, part.row), part.i);
        }
    }
    __device__ void store(const WeightedPiece& piece, const SlicePart& part, const V& value) {
        const auto first = this->first(piece, part.row);
        norm_vectors<V>(out_)[first + part.i] = value;
        norm_.write(first, part.i, value, residual_);
    }
    /// Norms the row whose last slice this was, if it is one of this rank's.
    __device__ void end(const Unit& unit) {
        const auto& piece = *unit.piece;
        if (unit.work == Work::send || piece.owner != rank_ || unit.turn < 0) return;
        const auto slice = shape_.slice(unit.turn);
        if (slice.row < piece.rows && slice.of_row + 1 == shape_.slices) {
            norm_.finish(first(piece, slice.row));
        }
    }

private:
    /// The row's first vector among this rank's.
    [[nodiscard]] __device__ std::int64_t first(const WeightedPiece& piece,
                                                std::int64_t row) const {
        return (piece.own_first + row) * shape_.vectors;
    }

    SliceNorm<T> norm_;
    T* out_;
    const RowShape& shape_;
    int rank_;
    V residual_;
};

template <class T, int Most>
__device__ void run(const RingPush& push, const WeightedRows& weighted, const std::byte* dense,
                    const NormOperands<T>& operands, T* out, int rows) {
    const RingThread me;
    auto* rings = dynamic_smem<Ring>();
    auto* partials = reinterpret_cast<NormPartials*>(rings + blockDim.x / kWorkerThreads);
    work_by_ring<T, Most>(
        push, rings[me.worker], me, RowCourse(course_of(push, me, rows), push.shape), weighted,
        dense,
        NormedRows<T>({operands, push.shape.vectors, me, partials[me.worker]}, out, push.shape,
                      push.peers.rank));
}

/// Threads are workers of kWorkerThreads each.
template <class T, int Most>
__global__ void __launch_bounds__(kMostWorkers * kWorkerThreads, 1)
    push_weighted_ring_norm(const __grid_constant__ Peers peers,
                            const __grid_constant__ PlanView<WeightedPiece> plan,
                            const __grid_constant__ WeightedRows weighted, const std::byte* dense,
                            const __grid_constant__ RowShape shape,
                            const __grid_constant__ NormOperands<T> operands, T* out, int rows) {
    const auto epoch = epoch_of(peers);
    NV_IF_TARGET(
        NV_PROVIDES_SM_90,
        (run<T, Most>({peers, plan, shape, epoch}, weighted, dense, operands, out, rows);))
    advance_to(peers, epoch + 1);
}

}  // namespace

void launch_push_weighted_ring_norm(const WeightedPush& push, const ResidualNorm& norm,
                                    const PeerLaunch& how) {
    constexpr std::size_t kBytes = sizeof(Ring) + sizeof(NormPartials);  // of a worker
    const auto rows = push.turns / push.shape.slices;
    const RingGrid grid(rows, how.max_blocks);
    visit_native(push.out.dtype, true, [&](auto tag, auto /*lanes*/) {
        using T = typename decltype(tag)::type;
        visit_ranks(push.inbox.ranks, [&](auto ranks) {
            const auto kernel = push_weighted_ring_norm<T, decltype(ranks)::value>;
            allow_ring_workers(kernel, kBytes);
            kernel<<<grid.blocks, grid.threads(), grid.workers * kBytes, how.stream>>>(
                push.inbox, push.plan, push.rows, push.dense.data, push.shape,
                norm_operands<T>(norm), push.out.as<T>(), static_cast<int>(rows));
            MOE_CUDA(cudaGetLastError());
        });
    });
}

}  // namespace moe::cuda
