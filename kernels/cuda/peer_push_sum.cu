// The reduce_scatterv that no library has, in one kernel: every rank writes each owner's rows into
// the inbox of the rank that adds them up, the owner or one that helps it, and adds what has come
// for its own plan. The floor is the link: what a rank sends, or takes in, over the write
// bandwidth both ways; below a MiB it is the time in which a word crosses.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/peer_launch.hpp"
#include "kernels/cuda/push_sum.cuh"

#include <algorithm>

namespace moe::cuda {
namespace {

constexpr int kMostThreads = 512;
/// Vectors of each source that a thread has in flight where blocks cannot queue and each has many.
template <int Most>
constexpr int kManyVectors = std::max(8 / Most, 1);
/// Blocks that share a multiprocessor at least, as registers allow.
template <int Most, int kUnroll>
constexpr int kMinBlocks = Most == 2 && kUnroll == 1 ? 2 : 1;

/// Links of two ranks meet no two senders, and there a pace costs 2 % of 128 MiB.
template <int Most>
constexpr bool kPaced = Most > 2;

/// Parts of pieces are stretches of blockDim.x * kUnroll vectors or, of rows that are not Wide, so many
/// stretches: all ranks have the same parts, though not all may have wide rows.
template <class T, bool Wide, int Most, int kUnroll>
__global__ void __launch_bounds__(kMostThreads, kMinBlocks<Most, kUnroll>)
    push_sum(const __grid_constant__ Peers peers, const __grid_constant__ PlanView<SumPiece> plan,
             const std::byte* in, std::byte* out, int stretches) {
    using V = Vector<T, kWide<T>>;
    const auto epoch = epoch_of(peers);
    SumPush<T, Wide, Most, kUnroll> push(peers, plan, in, epoch);
    const int in_part = Wide ? 1 : stretches;
    const auto stretch = [&](const SumPiece& piece, std::int64_t part, int n) {
        return Stretch{(part * in_part + n) * kUnroll * blockDim.x, piece.vectors()};
    };
    const auto store = [&](const SumPiece& piece, std::int64_t i, const V& value) {
        if constexpr (Wide) {
            if (piece.bytes > 0) reinterpret_cast<V*>(out + piece.in_own)[i] = value;
        } else {
            store_padded<T, false>(out + piece.in_own, i, piece.bytes, value);
        }
    };
    const auto add = [&](const SumPiece& piece, const Stretch& these) {
        push.add(piece, these,
                 [&](int /*u*/, std::int64_t i, const V& sum) { store(piece, i, sum); });
    };
    push_in_turns<kPaced<Most>>(
        plan,
        [&](const SumPiece& piece, std::int64_t part) {
            for (int n = 0; n < in_part; ++n) push.send(piece, stretch(piece, part, n));
        },
        [&](const SumPiece& piece, std::int64_t part) {
            push.look(piece, stretch(piece, part, 0));
        },
        [&](const SumPiece& piece, std::int64_t part) {
            add(piece, stretch(piece, part, 0));
            for (int n = 1; n < in_part; ++n) {
                push.look(piece, stretch(piece, part, n));
                add(piece, stretch(piece, part, n));
            }
        },
        [&](const SumPiece& piece, std::int64_t part) {
            for (int n = 0; n < in_part; ++n) {
                push.take_forwarded(piece, stretch(piece, part, n),
                                    [&](std::int64_t i, const V& sum) { store(piece, i, sum); });
            }
        });
    advance_to(peers, epoch + 1);
}

}  // namespace

void launch_push_sum(const Peers& inbox, const PushSum& sum, const PeerLaunch& how) {
    if (sum.norm != nullptr) {
        launch_push_sum_norm(inbox, sum, how);
        return;
    }
    auto plan = sum_view_of(inbox.rank, sum);
    std::int64_t most = 0;
    for (int i = 0; i < plan.count; ++i) most = std::max(most, plan.at[i].vectors());
    const bool wide = rows_are_wide(sum.in.row_bytes(), {sum.in.data, sum.out.data});
    visit_native(sum.in.dtype, true, [&](auto tag, auto /*lanes*/) {
        using T = typename decltype(tag)::type;
        visit_ranks(inbox.ranks, [&](auto ranks) {
            constexpr int kMost = decltype(ranks)::value;
            const auto grid = peer_grid(most, kMostThreads, how.blocks(kMostPushBlocks));
            constexpr int kMany = kManyVectors<kMost>;
            const bool many = !how.may_queue && most > std::int64_t{grid.blocks} * grid.threads;
            const int vectors = many ? kMany : 1;  // of a thread, in a part
            plan.set_pace([&](const SumPiece& piece) {
                return ceil_div(piece.vectors(), std::int64_t{grid.threads} * vectors);
            });
            const auto blocks = std::min<std::int64_t>(grid.blocks, plan.turns);
            const auto launch = [&](auto kernel) {
                kernel<<<static_cast<unsigned>(blocks), grid.threads, 0, how.stream>>>(
                    inbox, plan, sum.in.data, sum.out.data, vectors);
            };
            if (!wide) {
                launch(push_sum<T, false, kMost, 1>);
            } else if (many) {
                launch(push_sum<T, true, kMost, kMany>);
            } else {
                launch(push_sum<T, true, kMost, 1>);
            }
            MOE_CUDA(cudaGetLastError());
        });
    });
}

}  // namespace moe::cuda
