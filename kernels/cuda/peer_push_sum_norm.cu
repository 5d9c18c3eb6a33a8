// The reduce_scatterv by push whose last pass ends with the residual norm: a part is a row, so that
// the block that completes it has all of it, most of it in registers. What the norm reads of its
// own it asks for with what it adds up, before the next row is sent.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/peer_launch.hpp"
#include "kernels/cuda/push_sum.cuh"
#include "kernels/cuda/residual_norm.cuh"

#include <algorithm>

namespace moe::cuda {
namespace {

/// Vectors of a row that a thread has at once: of 2 ranks' rows of 4096 columns of 16 bits all.
template <int Most>
constexpr int kVectors = Most <= 4 ? 2 : 1;
/// That share a multiprocessor, as registers allow.
template <int Most>
constexpr int kMinBlocks = Most <= 2 ? 2 : 1;

/// Where each thread has its vectors of the weights at hand: registers are few, and loads would
/// stand behind what is sent.
template <class T, int Most>
using Weights = Vector<T, kWide<T>>[kVectors<Most>][kNormThreads];
template <class T, int Most>
struct Shared {
    Weights<T, Most> weights;
    NormPartials partials;
};

/// A block's work on rows.
template <class T, int Most>
class NormedPush {
public:
    static constexpr int kUnroll = kVectors<Most>;
    using V = Vector<T, kWide<T>>;

    __device__ NormedPush(const SumPush<T, true, Most, kUnroll>& push,
                          const NormOperands<T>& operands, NormPartials& partials,
                          Weights<T, Most>& weights, int me, std::byte* out)
        : push_(push),
          norm_(operands, partials),
          weights_(weights),
          me_(me),
          out_(out),
          vectors_(operands.cols / kWide<T>) {
#pragma unroll
        for (int k = 0; k < kUnroll; ++k) {
            if (norm_.has(norm_.vector(k)))
                weights_[k][threadIdx.x] = norm_.weight(norm_.vector(k));
        }
    }

    __device__ void send(const SumPiece& piece, std::int64_t row) {
        for (int col = 0; col < vectors_; col += kStep) push_.send(piece, stretch(piece, row, col));
    }
    __device__ void look(const SumPiece& piece, std::int64_t row) {
        push_.look(piece, stretch(piece, row, 0));
        if (!owns(piece)) return;
#pragma unroll
        for (int k = 0; k < kUnroll; ++k) {
            const int i = norm_.vector(k);
            if (norm_.has(i)) residual_[k] = norm_.residual(own_first(piece, row), i);
        }
    }
    __device__ void add(const SumPiece& piece, std::int64_t row) {
        norm_.begin(own_first(piece, row));
        push_.add(piece, stretch(piece, row, 0), [&](int u, std::int64_t i, const V& sum) {
            if (piece.bytes == 0) return;
            store(piece, i, sum);
            norm_.keep(u, sum, residual_[u]);
            norm_.write(u);
        });
        for (int col = kStep; col < vectors_; col += kStep) {
            push_.look(piece, stretch(piece, row, col));
            push_.add(piece, stretch(piece, row, col), [&](int u, std::int64_t i, const V& sum) {
                store(piece, i, sum);
                norm_.write(col + norm_.vector(u), sum);
            });
        }
        if (owns(piece))
            norm_.finish([&](int k, int /*i*/) { return weights_[k][threadIdx.x]; });
    }
    __device__ void take(const SumPiece& piece, std::int64_t row) {
        for (int col = 0; col < vectors_; col += kStep) {
            push_.take_forwarded(piece, stretch(piece, row, col),
                                 [&](std::int64_t i, const V& sum) { store(piece, i, sum); });
        }
        norm_.run(own_first(piece, row));
    }

private:
    static constexpr int kStep = kUnroll * kNormThreads;

    /// Of a row, from vector `col` on; of a piece of no bytes its one vector.
    [[nodiscard]] __device__ Stretch stretch(const SumPiece& piece, std::int64_t row,
                                             int col) const {
        const auto first = row * vectors_;
        return {first + col, min(first + vectors_, piece.vectors())};
    }
    /// Whether its rows are this rank's.
    [[nodiscard]] __device__ bool owns(const SumPiece& piece) const {
        return piece.owner == me_ && piece.bytes > 0;
    }
    /// The row's first vector among this rank's.
    [[nodiscard]] __device__ std::int64_t own_first(const SumPiece& piece, std::int64_t row) const {
        return piece.in_own / std::int64_t{kVectorBytes} + row * vectors_;
    }
    __device__ void store(const SumPiece& piece, std::int64_t i, const V& sum) {
        reinterpret_cast<V*>(out_ + piece.in_own)[i] = sum;
    }

    SumPush<T, true, Most, kUnroll> push_;
    RowNorm<T, kWide<T>, kUnroll> norm_;
    Weights<T, Most>& weights_;
    int me_;
    std::byte* out_;
    int vectors_;  ///< of a row
    V residual_[kUnroll];
};

template <class T, int Most>
__global__ void __launch_bounds__(kNormThreads, kMinBlocks<Most>)
    push_sum_norm(const __grid_constant__ Peers peers,
                  const __grid_constant__ PlanView<SumPiece> plan, const std::byte* in,
                  std::byte* out, const NormOperands<T> operands) {
    auto& shared = *dynamic_smem<Shared<T, Most>>();
    const auto epoch = epoch_of(peers);
    NormedPush<T, Most> push({peers, plan, in, epoch}, operands, shared.partials, shared.weights,
                             peers.rank, out);
    push_in_turns<true>(  // a row behind a piece's end would be normed, too
        plan,
        [&](const SumPiece& piece, std::int64_t row) { push.send(piece, row); },
        [&](const SumPiece& piece, std::int64_t row) { push.look(piece, row); },
        [&](const SumPiece& piece, std::int64_t row) { push.add(piece, row); },
        [&](const SumPiece& piece, std::int64_t row) { push.take(piece, row); });
    advance_to(peers, epoch + 1);
}

}  // namespace

void launch_push_sum_norm(const Peers& inbox, const PushSum& sum, const PeerLaunch& how) {
    const auto& norm = *sum.norm;
    MOE_EXPECT(
        rows_are_wide(sum.out.row_bytes(), {sum.in.data, sum.out.data, norm.residual.data,
                                            norm.weight.data, norm.hidden.data, norm.normed.data}),
        "rows of whole vectors take a norm");
    auto plan = sum_view_of(inbox.rank, sum);
    const auto row_bytes = static_cast<std::int64_t>(sum.out.row_bytes());
    plan.set_pace([&](const SumPiece& piece) {
        return std::max<std::int64_t>(piece.bytes / row_bytes, 1);
    });
    const auto blocks =
        static_cast<unsigned>(std::min<std::int64_t>(plan.turns, how.blocks(kMostPushBlocks)));
    visit_native(sum.in.dtype, true, [&](auto tag, auto /*lanes*/) {
        using T = typename decltype(tag)::type;
        visit_ranks(inbox.ranks, [&](auto ranks) {
            constexpr int kMost = decltype(ranks)::value;
            push_sum_norm<T, kMost><<<blocks, kNormThreads, sizeof(Shared<T, kMost>), how.stream>>>(
                inbox, plan, sum.in.data, sum.out.data, norm_operands<T>(norm));
            MOE_CUDA(cudaGetLastError());
        });
    });
}

}  // namespace moe::cuda
