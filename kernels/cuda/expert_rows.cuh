// Weighted sums of expert rows in registers.
#pragma once

#include "kernels/cuda/peer.cuh"
#include "kernels/cuda/push_weighted.cuh"

#include <cstdint>

namespace moe::cuda {

/// Where the expert rows are, and what rows are made of them. Most: of ranks.
/// Unroll: expert rows whose loads are in flight together, as far as registers go.
template <class T, bool Wide, int Most, int Unroll = !Wide ? 1 : Most == 2 ? 8 : 4>
struct ExpertRows {
    using V = Vector<T, kWide<T>>;
    static constexpr int kUnroll = Unroll;
    WeightedRows rows;
    const std::byte* dense;
    RowShape shape;

    [[nodiscard]] __device__ bool has(std::int64_t row) const {
        return rows.offsets[row] < rows.offsets[row + 1];
    }
    /// Vector i of the weighted sum, rounded as Device::weighted_sum does.
    [[nodiscard]] __device__ V sum(std::int64_t row, std::int64_t i) const {
        float total[kWide<T>] = {};
        const auto end = rows.offsets[row + 1];
        for (auto entry = rows.offsets[row]; entry < end; entry += kUnroll) {
            V value[kUnroll];
            float weight[kUnroll];
#pragma unroll
            for (int u = 0; u < kUnroll; ++u) {
                if (entry + u < end) {
                    weight[u] = rows.weights[entry + u];
                    value[u] = load(rows.indices[entry + u], i);
                }
            }
#pragma unroll
            for (int u = 0; u < kUnroll; ++u) {
                if (entry + u < end) {
#pragma unroll
                    for (int j = 0; j < kWide<T>; ++j) {
                        total[j] += weight[u] * static_cast<float>(value[u].at[j]);
                    }
                }
            }
        }
        V rounded;
#pragma unroll
        for (int j = 0; j < kWide<T>; ++j) rounded.at[j] = static_cast<T>(total[j]);
        return rounded;
    }

private:
    [[nodiscard]] __device__ V load(std::int64_t index, std::int64_t i) const {
        const auto* from = dense + index * shape.bytes;
        if constexpr (Wide) {
            return reinterpret_cast<const V*>(from)[i];
        } else {
            return load_padded<T, false>(from, i, shape.bytes);
        }
    }
};

}  // namespace moe::cuda
