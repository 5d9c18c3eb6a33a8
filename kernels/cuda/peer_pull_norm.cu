// The sum over peer memory whose rows end with the residual norm: threads that share a row complete
// it and then have it in their caches, while the next row is on its way.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/peer_launch.hpp"
#include "kernels/cuda/peer_terms.cuh"
#include "kernels/cuda/residual_norm.cuh"

#include <algorithm>

namespace moe::cuda {
namespace {

/// Rows that a block works on at once.
constexpr int kGroups = 2;
/// Vectors of the sum that a thread has in flight, of all ranks 8.
template <int Most>
constexpr int kVectors = 8 / Most;
/// Vectors of a row that the norm keeps: 8192 columns of 16 bits.
constexpr int kKept = 4;

template <class T, int Most>
__global__ void __launch_bounds__(kGroups* kNormThreads)
    pull_sum_norm(const __grid_constant__ Peers peers, std::int64_t offset, T* to,
                  const NormOperands<T> operands, std::int64_t rows) {
    constexpr int kWidth = kWide<T>;
    constexpr int kUnroll = kVectors<Most>;
    const int group = static_cast<int>(threadIdx.x) / kNormThreads;
    RowNorm<T, kWidth, kKept, kGroups> norm(operands, dynamic_smem<NormPartials>()[group]);
    const int vectors = operands.cols / kWidth;

    PeerTerms<T, kWidth, Most> terms[kUnroll];
    const auto load = [&](std::int64_t row, int k) {
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
            const int i = norm.vector(k + u);
            if (row < rows && norm.has(i)) terms[u].load(peers, offset, row * vectors + i);
        }
    };
    const auto store = [&](std::int64_t row, int k) {
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
            const int i = norm.vector(k + u);
            if (!norm.has(i)) break;
            reinterpret_cast<Vector<T, kWidth>*>(to)[row * vectors + i] = terms[u].sum(peers);
        }
    };
    const auto epoch = epoch_of(peers);
    meet<Orders::boundary>(peers, epoch + 1);
    const auto stride = std::int64_t{gridDim.x} * kGroups;
    auto row = std::int64_t{blockIdx.x} + std::int64_t{gridDim.x} * group;
    load(row, 0);
    for (; row < rows; row += stride) {
        store(row, 0);
        for (int k = kUnroll; k * kNormThreads < vectors; k += kUnroll) {
            load(row, k);
            store(row, k);
        }
        load(row + stride, 0);
        norm.run(row * vectors);
    }
    meet<Orders::boundary>(peers, epoch + 2);
    advance_to(peers, epoch + 2);
}

}  // namespace

void launch_pull_sum_norm(const Peers& peers, const OwnRows& to, const PeerLaunch& how) {
    const auto& norm = *to.norm;
    MOE_EXPECT(
        to.offset % kVectorBytes == 0 &&
            rows_are_wide(to.rows.row_bytes(), {to.rows.data, norm.residual.data, norm.weight.data,
                                                norm.hidden.data, norm.normed.data}),
        "rows of whole vectors take a norm");
    // Rows wait for their norm in between, so more blocks than other pulls have.
    const auto blocks = static_cast<unsigned>(
        std::min<std::int64_t>(to.most_rows, std::min(how.max_blocks, kMaxFlagBlocks)));
    visit_native(to.rows.dtype, true, [&](auto tag, auto /*lanes*/) {
        using T = typename decltype(tag)::type;
        visit_ranks(peers.ranks, [&](auto most) {
            pull_sum_norm<T, decltype(most)::value>
                <<<blocks, kGroups * kNormThreads, kGroups * sizeof(NormPartials), how.stream>>>(
                    peers, static_cast<std::int64_t>(to.offset), to.rows.as<T>(),
                    norm_operands<T>(norm), to.rows.rows);
            MOE_CUDA(cudaGetLastError());
        });
    });
}

}  // namespace moe::cuda
