// The fused local combine and reduce_scatterv by reading, for many rows: expert rows come through
// rings of bulk copies in shared memory, of which many are under way however few registers there
// are. The barriers around it are flags of each block, as in peer_pull.cu; the floor is memory, or
// the link.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pull_weighted.cuh"
#include "kernels/cuda/row_ring.cuh"

#include <nv/target>

#include <cstddef>
#include <cstdint>

namespace moe::cuda {
namespace {

// A ring's two ends are written out here and in peer_push_weighted_ring.cu: with classes that both
// had in common the push took 7 to 12 % longer (one H200, two ranks, 1024 and 8192 tokens).

/// Puts slices into a ring, by one warp.
class RingWriter {
public:
    __device__ explicit RingWriter(Ring& ring) : ring_(ring) {}

    struct Row {
        const std::byte* slice;
        float weight;
        int rank;
    };
    /// The next slice, of `bytes` bytes; `left` as in Ring: none is put for a sum without any.
    __device__ void put(const Row& row, unsigned bytes, int left) {
        auto& full = ring_.full[stage_.at];
        ring_.empty[stage_.at].wait((stage_.round + 1) % 2);
        if (threadIdx.x % kWarp == 0) {
            ring_.weight[stage_.at] = row.weight;
            ring_.rank[stage_.at] = row.rank;
            ring_.left[stage_.at] = left;
            if (left < 0) {
                full.arrive();
            } else {
                full.arrive_and_expect(bytes);
                hopper::bulk_load(ring_.slice[stage_.at], row.slice, bytes, full, policy_);
            }
        }
        __syncwarp();
        stage_.next();
    }

private:
    Ring& ring_;
    Stage stage_;
    std::uint64_t policy_ = hopper::evict_first_policy();
};

/// Takes slices out of a ring, by one of the threads that share them.
class RingReader {
public:
    __device__ RingReader(Ring& ring, int thread) : ring_(ring), thread_(thread) {}

    /// add(value, weight, rank) for this thread's vector of each row of the next sum, in their order.
    template <class V, class Add>
    __device__ void sum(Add&& add) {
        int left = 0;
        do {
            ring_.full[stage_.at].wait(stage_.round % 2);
            left = ring_.left[stage_.at];
            if (left >= 0) {
                add(reinterpret_cast<const V*>(ring_.slice[stage_.at])[thread_],
                    ring_.weight[stage_.at], ring_.rank[stage_.at]);
            }
            __syncwarp();
            if (thread_ % kWarp == 0) ring_.empty[stage_.at].arrive();
            stage_.next();
        } while (left > 0);
    }

private:
    Ring& ring_;
    int thread_;
    Stage stage_;
};

/// The slices of this rank's rows, and which of them one worker adds up: every `step`th.
struct Share {
    OwnPart own;
    int slices;  ///< of a row
    int first, step;

    [[nodiscard]] __device__ int end() const { return static_cast<int>(own.rows) * slices; }
};

/// Fills a worker's ring. It loads where a row's entries begin two slices ahead, and the entries,
/// one a lane, one slice ahead, so that it waits for neither.
[[maybe_unused]] __device__ void fill(Ring& ring, const PeerEntries& rows, const Share& share) {
    hopper::fence_proxy_async();  // what peers wrote before all met, not by bulk copies
    RingWriter writer(ring);
    const auto span_of = [&](int turn) {
        return turn < share.end() ? rows.span(share.own.first + turn / share.slices) : Span{};
    };
    auto span = span_of(share.first);
    auto next_span = span_of(share.first + share.step);
    auto entries = rows.entries(span, 0);
    for (int turn = share.first; turn < share.end(); turn += share.step) {
        const auto later_span = span_of(turn + 2 * share.step);
        const auto next_entries = rows.entries(next_span, 0);
        const auto offset = static_cast<unsigned>(turn % share.slices) * kSliceBytes;
        const auto bytes = min(static_cast<unsigned>(rows.row_bytes) - offset, kSliceBytes);
        const int total = entries.total;
        if (total <= 0) writer.put({}, 0, -1);
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

/// Empties a worker's ring, by one of its threads: each rank's partial sum is rounded as
/// Device::weighted_sum does it, and then added in the order of the ranks.
template <class T>
__device__ void add_up(Ring& ring, const Share& share, int thread, T* out) {
    using V = Vector<T, kWide<T>>;
    RingReader reader(ring, thread);
    for (int turn = share.first; turn < share.end(); turn += share.step) {
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
        const std::int64_t row = turn / share.slices;
        const auto i = std::int64_t{turn % share.slices} * kSliceThreads + thread;
        if (i < share.own.vectors) {
            reinterpret_cast<V*>(out)[row * share.own.vectors + i] = sum.rounded();
        }
    }
}

template <class T>
__device__ void run(const Peers& peers, const Places& places, const OwnPart& own, T* out) {
    const int worker = static_cast<int>(threadIdx.x) / kWorkerThreads;
    const int thread = static_cast<int>(threadIdx.x) % kWorkerThreads;
    auto& ring = dynamic_smem<Ring>()[worker];
    ring.init(thread);
    const int blocks = static_cast<int>(gridDim.x);
    const Share share{own, static_cast<int>(ceil_div(own.vectors, std::int64_t{kSliceThreads})),
                      worker * blocks + static_cast<int>(blockIdx.x),
                      static_cast<int>(blockDim.x) / kWorkerThreads * blocks};
    if (thread >= kSliceThreads) {
        fill(ring, {peers, places, own.vectors * std::int64_t{kVectorBytes}}, share);
    } else {
        add_up(ring, share, thread, out);
    }
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

}  // namespace

void launch_pull_weighted_ring(const Peers& peers, const Places& places, const OwnPart& own,
                               const Matrix& out, unsigned blocks, cudaStream_t stream) {
    const int workers = ring_workers();
    const auto shared = sizeof(Ring) * static_cast<std::size_t>(workers);
    visit_native(out.dtype, true, [&](auto tag, auto /*width*/) {
        using T = typename decltype(tag)::type;
        const auto kernel = pull_weighted_ring<T>;
        MOE_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      static_cast<int>(shared)));
        kernel<<<blocks, static_cast<unsigned>(workers) * kWorkerThreads, shared, stream>>>(
            peers, places, own, out.as<T>());
        MOE_CUDA(cudaGetLastError());
    });
}

}  // namespace moe::cuda
