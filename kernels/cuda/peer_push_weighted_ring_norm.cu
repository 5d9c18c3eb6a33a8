// The fused local combine and reduce_scatterv for many rows, whose last pass ends with the residual
// norm: a worker completes a row slice after slice, adds up squares as it does, and norms the row
// after its last slice, which it then reads again from caches, while its ring fills with the next.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/residual_norm.cuh"
#include "kernels/cuda/ring_push.cuh"

#include <nv/target>

namespace moe::cuda {
namespace {

/// Writes this rank's rows, and norms each when it is complete, with the bits of RowNorm.
template <class T>
class NormedRows {
public:
    using V = Vector<T, kWide<T>>;

    __device__ NormedRows(const NormOperands<T>& operands, T* out, const RowShape& shape, int rank,
                          const RingThread& me, NormPartials& partials)
        : operands_(operands),
          out_(out),
          shape_(shape),
          rank_(rank),
          me_(me),
          partials_(partials) {}

    __device__ void look(const WeightedPiece& piece, const SlicePart& part) {
        if (piece.owner == rank_ && piece.rows > 0 && part.active) {
            residual_ = norm_vectors<V>(operands_.residual)[first(piece, part.row) + part.i];
        }
    }
    __device__ void store(const WeightedPiece& piece, const SlicePart& part, const V& value) {
        const auto i = first(piece, part.row) + part.i;
        norm_vectors<V>(out_)[i] = value;
        const NormSum<T, kWide<T>> sum(value, residual_);
        norm_vectors<V>(operands_.hidden)[i] = sum.rounded();
        const bool odd = part.i / kSliceThreads % 2 != 0;
        (odd ? odd_squares_ : even_squares_) += sum.squares();
    }
    /// Norms the row whose last slice this was, if it is one of this rank's.
    __device__ void end(const Unit& unit) {
        const auto& piece = *unit.piece;
        if (unit.work == Work::send || piece.owner != rank_ || unit.turn < 0) return;
        const auto slice = shape_.slice(unit.turn);
        if (slice.row < piece.rows && slice.of_row + 1 == shape_.slices) {
            finish(first(piece, slice.row));
        }
    }

private:
    /// The row's first vector among this rank's.
    [[nodiscard]] __device__ std::int64_t first(const WeightedPiece& piece,
                                                std::int64_t row) const {
        return (piece.own_first + row) * shape_.vectors;
    }
    __device__ void finish(std::int64_t first) {
        // Where kNormThreads share a row, even slices are those of the first half of them.
        static_assert(kNormThreads == 2 * kSliceThreads);
        auto& of_warp = partials_.of_warp[turn_];
        turn_ = 1 - turn_;
        const float even = warp_sum(even_squares_);
        const float odd = warp_sum(odd_squares_);
        even_squares_ = odd_squares_ = 0;
        if (me_.thread % kWarp == 0) {
            of_warp[me_.thread / kWarp] = even;
            of_warp[(me_.thread + kSliceThreads) / kWarp] = odd;
        }
        bar_sync(1 + me_.worker, kSliceThreads);  // __syncthreads() is barrier 0
        const float factor = norm_factor(operands_, of_warp);
#pragma unroll 2
        for (int i = me_.thread; i < static_cast<int>(shape_.vectors); i += kSliceThreads) {
            const NormSum<T, kWide<T>> sum(norm_vectors<V>(operands_.rows)[first + i],
                                           norm_vectors<V>(operands_.residual)[first + i]);
            norm_vectors<V>(operands_.normed)[first + i] =
                sum.scaled(factor, norm_vectors<V>(operands_.weight)[i]);
        }
    }

    const NormOperands<T>& operands_;
    T* out_;
    const RowShape& shape_;
    int rank_;
    const RingThread& me_;
    NormPartials& partials_;
    V residual_;
    float even_squares_{}, odd_squares_{};
    int turn_{};
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
        NormedRows<T>(operands, out, push.shape, push.peers.rank, me, partials[me.worker]));
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
