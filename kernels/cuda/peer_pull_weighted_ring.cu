// The fused local combine and reduce_scatterv by reading, for many rows: expert rows come through
// rings of bulk copies in shared memory, of which many are under way however few registers there
// are. The barriers around it are flags of each block, as in peer_pull.cu; the floor is memory, or
// the link.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pull_weighted.cuh"
#include "kernels/cuda/row_ring.cuh"
#include "kernels/cuda/slice_norm.cuh"

#include <nv/target>

#include <algorithm>

namespace moe::cuda {
namespace {

/// The slices that one worker adds up, in their order: every so-many-th of all of them, or all of
/// every so-many-th row.
class Share {
public:
    __device__ Share(const OwnPart& own, const RingThread& me, bool whole_rows)
        : rows_(static_cast<int>(own.rows)),
          slices_(static_cast<int>(ceil_div(own.vectors, std::int64_t{kSliceThreads}))),
          first_(me.worker * static_cast<int>(gridDim.x) + static_cast<int>(blockIdx.x)),
          workers_(static_cast<int>(blockDim.x / kWorkerThreads * gridDim.x)),
          whole_rows_(whole_rows) {}

    struct Slice {
        int row, of_row;
        bool last;  ///< of the row
    };
    [[nodiscard]] __device__ Slice at(int turn) const {
        const int index = whole_rows_ ? (first_ + turn / slices_ * workers_) * slices_ + turn % slices_
                                      : first_ + turn * workers_;
        const int of_row = index % slices_;
        return {index / slices_, of_row, of_row + 1 == slices_};
    }
    [[nodiscard]] __device__ bool has(const Slice& slice) const { return slice.row < rows_; }

private:
    int rows_, slices_, first_, workers_;
    bool whole_rows_;
};

/// Fills a worker's ring. It loads where a row's entries begin two slices ahead, and the entries,
/// one a lane, one slice ahead, so that it waits for neither. first_row: this rank's, among all.
[[maybe_unused]] __device__ void fill(Ring& ring, const PeerEntries& rows, std::int64_t first_row,
                                      const Share& share) {
    hopper::fence_proxy_async();  // what peers wrote before all met, not by bulk copies
    RingWriter writer(ring);
    const auto span_of = [&](const Share::Slice& slice) {
        return share.has(slice) ? rows.span(first_row + slice.row) : Span{};
    };
    auto slice = share.at(0);
    auto span = span_of(slice);
    auto next_span = span_of(share.at(1));
    auto entries = rows.entries(span, 0);
    for (int turn = 0; share.has(slice); slice = share.at(++turn)) {
        const auto later_span = span_of(share.at(turn + 2));
        const auto next_entries = rows.entries(next_span, 0);
        const auto offset = static_cast<unsigned>(slice.of_row) * kSliceBytes;
        const auto bytes = min(static_cast<unsigned>(rows.row_bytes) - offset, kSliceBytes);
        const int total = entries.total;
        if (total == 0) writer.put_none();
        for (int entry = 0; entry < total; ++entry) {
            const int of = entry % kWarp;
            if (of == 0 && entry > 0) entries = rows.entries(span, entry);
            const int rank = __shfl_sync(kAllLanes, entries.rank, of);
            const auto index = __shfl_sync(kAllLanes, entries.index, of);
            const float weight = __uint_as_float(__shfl_sync(kAllLanes, entries.weight, of));
            writer.put({rows.row(rank, index) + offset, weight, rank}, bytes, total - 1 - entry);
        }
        span = next_span;
        next_span = later_span;
        entries = next_entries;
    }
}

/// This thread's vector of the next slice in a ring: each rank's partial sum is rounded as
/// Device::weighted_sum does it, and then added in the order of the ranks.
template <class T>
__device__ Vector<T, kWide<T>> sum_of(RingReader& reader) {
    using V = Vector<T, kWide<T>>;
    VectorSum<T, kWide<T>> sum, partial;
    int of_rank = 0;
    reader.template sum<V>([&](const V& value, float weight, int rank) {
        if (rank != of_rank) {
            sum.add(partial.rounded());
            partial = {};
            of_rank = rank;
        }
#pragma unroll
        for (int j = 0; j < kWide<T>; ++j) {
            partial.total[j] += weight * static_cast<float>(value.at[j]);
        }
    });
    sum.add(partial.rounded());
    return sum.rounded();
}

/// Rows are written, and that is all.
template <class T>
struct PlainEnd {
    __device__ void write(std::int64_t /*first*/, std::int64_t /*i*/,
                          const Vector<T, kWide<T>>& /*x*/) const {}
    __device__ void finish(std::int64_t /*first*/) const {}
};
/// Norms each row when it is complete.
template <class T>
struct NormEnd {
    SliceNorm<T> norm;

    __device__ void write(std::int64_t first, std::int64_t i, const Vector<T, kWide<T>>& x) {
        norm.write(first, i, x, norm.residual(first, i));
    }
    __device__ void finish(std::int64_t first) { norm.finish(first); }
};

/// All of a thread's work. end: what becomes of vectors and rows that are complete.
template <class T, class End>
__device__ void work(Ring& ring, const RingThread& me, const PeerEntries& rows, const OwnPart& own,
                     T* out, const Share& share, End end) {
    ring.init(me.thread);
    if (me.thread >= kSliceThreads) {
        fill(ring, rows, own.first, share);
        return;
    }
    RingReader reader(ring, me.thread);
    auto slice = share.at(0);
    for (int turn = 0; share.has(slice); slice = share.at(++turn)) {
        const auto sum = sum_of<T>(reader);
        const auto first = slice.row * own.vectors;
        const auto i = std::int64_t{slice.of_row} * kSliceThreads + me.thread;
        if (i < own.vectors) {
            reinterpret_cast<Vector<T, kWide<T>>*>(out)[first + i] = sum;
            end.write(first, i, sum);
        }
        if (slice.last) end.finish(first);
    }
}

template <class T>
__device__ void run(const Peers& peers, const Places& places, const OwnPart& own, T* out) {
    const RingThread me;
    work(dynamic_smem<Ring>()[me.worker], me,
         {peers, places, own.vectors * std::int64_t{kVectorBytes}}, own, out, Share(own, me, false),
         PlainEnd<T>{});
}
template <class T>
__device__ void run_with_norm(const Peers& peers, const Places& places, const OwnPart& own, T* out,
                              const NormOperands<T>& operands) {
    const RingThread me;
    auto* rings = dynamic_smem<Ring>();
    auto* partials = reinterpret_cast<NormPartials*>(rings + blockDim.x / kWorkerThreads);
    work(rings[me.worker], me, {peers, places, own.vectors * std::int64_t{kVectorBytes}}, own, out,
         Share(own, me, true), NormEnd<T>{{operands, own.vectors, me, partials[me.worker]}});
}

/// Threads are workers of kWorkerThreads each.
template <class T>
__global__ void __launch_bounds__(kMostWorkers * kWorkerThreads, 1)
    pull_weighted_ring(const __grid_constant__ Peers peers, const __grid_constant__ Places places,
                       const OwnPart own, T* out) {
    const auto epoch = epoch_of(peers);
    meet<Orders::boundary>(peers, epoch + 1);
    NV_IF_TARGET(NV_PROVIDES_SM_90, (run<T>(peers, places, own, out);))
    meet<Orders::boundary>(peers, epoch + 2);
    advance_to(peers, epoch + 2);
}

/// The same with the residual norm of each row.
template <class T>
__global__ void __launch_bounds__(kMostWorkers * kWorkerThreads, 1)
    pull_weighted_ring_norm(const __grid_constant__ Peers peers,
                            const __grid_constant__ Places places, const OwnPart own, T* out,
                            const __grid_constant__ NormOperands<T> operands) {
    const auto epoch = epoch_of(peers);
    meet<Orders::boundary>(peers, epoch + 1);
    NV_IF_TARGET(NV_PROVIDES_SM_90, (run_with_norm<T>(peers, places, own, out, operands);))
    meet<Orders::boundary>(peers, epoch + 2);
    advance_to(peers, epoch + 2);
}

}  // namespace

void launch_pull_weighted_ring(const Peers& peers, const Places& places, const OwnPart& own,
                               const PullWeightedSum& sum, unsigned blocks, cudaStream_t stream) {
    const auto workers = static_cast<unsigned>(ring_workers());
    visit_native(sum.out.dtype, true, [&](auto tag, auto /*width*/) {
        using T = typename decltype(tag)::type;
        if (sum.norm == nullptr) {
            const auto kernel = pull_weighted_ring<T>;
            allow_ring_workers(kernel, sizeof(Ring));
            kernel<<<blocks, workers * kWorkerThreads, workers * sizeof(Ring), stream>>>(
                peers, places, own, sum.out.as<T>());
        } else {
            constexpr std::size_t kBytes = sizeof(Ring) + sizeof(NormPartials);  // of a worker
            const auto kernel = pull_weighted_ring_norm<T>;
            allow_ring_workers(kernel, kBytes);
            kernel<<<blocks, workers * kWorkerThreads, workers * kBytes, stream>>>(
                peers, places, own, sum.out.as<T>(), norm_operands<T>(*sum.norm));
        }
        MOE_CUDA(cudaGetLastError());
    });
}

}  // namespace moe::cuda
