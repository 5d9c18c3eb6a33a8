// The local combine and the reduce_scatterv in one kernel, by reading: every owner adds up the
// expert rows that all ranks have for its rows, where they lie. Nothing is written but the result,
// and each expert row is read once: the floor is memory, or the link, where more is read than
// partial sums are. The barriers around it are flags of each block, as in peer_pull.cu.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/peer.cuh"
#include "kernels/cuda/peer_launch.hpp"
#include "kernels/cuda/pull_weighted.cuh"

#include <algorithm>

namespace moe::cuda {
namespace {

/// Of a block at most: one block of them fills the registers of a multiprocessor.
constexpr int kThreads = 512;
/// Expert rows whose loads a warp has in flight together.
constexpr int kUnroll = 8;

/// Sums of expert rows that go through registers, a warp's vectors at a time.
template <class T, int Width>
struct PeerRows : PeerEntries {
    using V = Vector<T, Width>;

    /// Vector i of a row's sum: each rank's partial sum is rounded as Device::weighted_sum does it,
    /// and then added in the order of the ranks. `entries` are the row's first.
    [[nodiscard]] __device__ V sum(const Span& span, Entries entries, std::int64_t i) const {
        VectorSum<T, Width> sum, partial;
        int of_rank = 0;
        const int total = entries.total;
        for (int from = 0; from < total; from += kWarp) {
            if (from > 0) entries = this->entries(span, from);
            const auto row =
                reinterpret_cast<unsigned long long>(this->row(entries.rank, entries.index));
            const int count = min(total - from, kWarp);
            for (int entry = 0; entry < count; entry += kUnroll) {
                V value[kUnroll];
#pragma unroll
                for (int u = 0; u < kUnroll; ++u) {
                    if (entry + u < count) {
                        const auto there = __shfl_sync(kAllLanes, row, entry + u);
                        value[u] = load_peer<V>(reinterpret_cast<const std::byte*>(there), i);
                    }
                }
#pragma unroll
                for (int u = 0; u < kUnroll; ++u) {
                    if (entry + u >= count) break;
                    const int rank = __shfl_sync(kAllLanes, entries.rank, entry + u);
                    const float weight =
                        __uint_as_float(__shfl_sync(kAllLanes, entries.weight, entry + u));
                    if (rank != of_rank) {
                        sum.add(partial.rounded());
                        partial = {};
                        of_rank = rank;
                    }
#pragma unroll
                    for (int j = 0; j < Width; ++j) {
                        partial.total[j] += weight * static_cast<float>(value[u].at[j]);
                    }
                }
            }
        }
        sum.add(partial.rounded());
        return sum.rounded();
    }
};

/// A lane has a vector: slices of a row go round the warps of all blocks. A warp knows where a
/// slice's expert rows are when it comes to it: it asks for the offsets two turns ahead, and for
/// the entries one.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    pull_weighted_sum(const __grid_constant__ Peers peers, const __grid_constant__ Places places,
                      const OwnPart own, T* out) {
    const auto epoch = epoch_of(peers);
    meet<Orders::boundary>(peers, epoch + 1);
    const PeerRows<T, Width> rows{
        {peers, places, own.vectors * static_cast<std::int64_t>(sizeof(Vector<T, Width>))}};
    const auto slices = ceil_div(own.vectors, kWarp);
    const auto turns = own.rows * slices;
    const auto span_of = [&](std::int64_t turn) {
        return turn < turns ? rows.span(own.first + turn / slices) : Span{};
    };
    const auto warps = blockDim.x / kWarp;
    const auto stride = std::int64_t{gridDim.x} * warps;
    auto turn = std::int64_t{blockIdx.x} * warps + threadIdx.x / kWarp;
    auto span = span_of(turn);
    auto next_span = span_of(turn + stride);
    auto entries = rows.entries(span, 0);
    for (; turn < turns; turn += stride) {
        const auto later_span = span_of(turn + 2 * stride);
        const auto next_entries = rows.entries(next_span, 0);
        const auto row = turn / slices;
        const auto i = (turn - row * slices) * kWarp + threadIdx.x % kWarp;
        const auto sum = rows.sum(span, entries, min(i, own.vectors - 1));
        if (i < own.vectors) reinterpret_cast<Vector<T, Width>*>(out)[row * own.vectors + i] = sum;
        span = next_span;
        next_span = later_span;
        entries = next_entries;
    }
    meet<Orders::boundary>(peers, epoch + 2);
    advance_to(peers, epoch + 2);
}

}  // namespace

void launch_pull_weighted_sum(const Peers& peers, const PullWeightedSum& sum,
                              const PeerLaunch& how) {
    MOE_EXPECT(sum.dense.cols == sum.out.cols && sum.dense.dtype == sum.out.dtype,
               "experts compute in the type that rows travel as");
    MOE_EXPECT(sum.norm == nullptr, "a pull of weighted rows takes no norm");
    if (sum.most_rows == 0) return;
    const auto place = [&](const auto* data) {
        return reinterpret_cast<const std::byte*>(data) - peers.data[peers.rank];
    };
    const Places places{place(sum.rows.offsets), place(sum.rows.indices), place(sum.rows.weights),
                        place(sum.dense.data)};
    const int most_blocks = std::min(how.max_blocks, kMaxFlagBlocks);
    // By bytes: rows may be wide on some ranks only, and all need as many blocks.
    const auto vectors =
        ceil_div(static_cast<std::int64_t>(sum.out.row_bytes()), std::int64_t{kVectorBytes});
    const auto lanes = sum.most_rows * ceil_div(vectors, kWarp) * kWarp;
    const auto grid = peer_grid(lanes, kThreads, most_blocks);
    const bool wide = rows_are_wide(sum.out.row_bytes(), {sum.dense.data, sum.out.data});
    if (wide && lanes >= std::int64_t{most_blocks} * kThreads && ring_workers() > 0) {
        launch_pull_weighted_ring(peers, places, {sum.first, sum.out.rows, vectors}, sum.out,
                                  grid.blocks, how.stream);
        return;
    }
    visit_native(sum.out.dtype, wide, [&](auto tag, auto width) {
        using T = typename decltype(tag)::type;
        constexpr int kWidth = decltype(width)::value;
        pull_weighted_sum<T, kWidth><<<grid.blocks, grid.threads, 0, how.stream>>>(
            peers, places, OwnPart{sum.first, sum.out.rows, sum.out.cols / kWidth},
            sum.out.as<T>());
        MOE_CUDA(cudaGetLastError());
    });
}

}  // namespace moe::cuda
