// What the two kernels that fuse the local combine with the push have in common: what is sent of
// which row, and how a row that nobody sends is told from one that has not come yet.
#pragma once

#include "kernels/cuda/lamport.cuh"
#include "kernels/cuda/peer_launch.hpp"
#include "kernels/cuda/push_plan.cuh"
#include "kernels/cuda/warp.cuh"

namespace moe::cuda {


/// Rows that one rank adds up.
struct WeightedPiece : PiecePlace {
    std::int64_t first;      ///< among all rows
    std::int64_t rows;       ///< none: its first vector travels as no row
    std::int64_t own_first;  ///< among the owner's rows

    [[nodiscard]] __host__ __device__ std::int64_t turns() const { return rows > 0 ? rows : 1; }
};

/// Where a slice lies in a piece.
struct Slice {
    std::uint32_t row, of_row;
};

struct RowShape {
    std::int64_t bytes;    ///< of a row
    std::int64_t stride;   ///< bytes from row to row of an inbox
    std::int64_t vectors;  ///< of a row
    std::int64_t slices;   ///< of a row

    /// Slice number `of_piece` of a piece. Divides in 32 bits, since a 64-bit division takes many
    /// times as long.
    [[nodiscard]] __device__ Slice slice(std::int64_t of_piece) const {
        const auto index = static_cast<std::uint32_t>(of_piece);
        const auto count = static_cast<std::uint32_t>(slices);
        const auto row = index / count;
        return {row, index - row * count};
    }
};

/// A warp's part of a slice, or of any other stretch of a row that begins where a warp's part does.
struct SlicePart {
    std::int64_t row;  ///< of the piece
    std::int64_t i;    ///< the lane's vector
    bool any, active;  ///< whether the warp, and the lane, have one

    /// Of slice `of_piece`, for thread `thread` of those that share it. A piece of no rows is one
    /// vector.
    __device__ SlicePart(const WeightedPiece& piece, std::int64_t of_piece, const RowShape& shape,
                         int thread) {
        const auto slice = shape.slice(of_piece);
        row = slice.row;
        i = std::int64_t{slice.of_row} * kSliceThreads + thread;
        find(piece, shape, thread);
    }
    /// Vector `first` + `thread` of a row.
    __device__ SlicePart(const WeightedPiece& piece, std::int64_t row, int first,
                         const RowShape& shape, int thread)
        : row(row), i(first + thread) {
        find(piece, shape, thread);
    }

private:
    __device__ void find(const WeightedPiece& piece, const RowShape& shape, int thread) {
        const auto vectors = piece.rows > 0 ? shape.vectors : 1;
        any = i - thread % kWarp < vectors;
        active = i < vectors;
    }
};

/// What the first vector of a warp's part of a row holds where its source has no such row. No data
/// travels as this word: sealed() makes none, and the NaN whose inverse it is goes as another one.
constexpr std::uint32_t kNoRow = 2;

__device__ inline std::uint32_t sealed_row(std::uint32_t word) {
    return word == ~kNoRow ? 3U : sealed(word);
}
template <class V>
__device__ void post_row(std::byte* inbox, std::int64_t i, const V& value) {
    uint4 words;
    std::memcpy(&words, static_cast<const void*>(&value), sizeof words);
    store_relaxed(
        reinterpret_cast<uint4*>(inbox) + i,
        make_uint4(sealed_row(words.x), sealed(words.y), sealed(words.z), sealed(words.w)));
}
__device__ inline void post_no_row(std::byte* inbox, std::int64_t i) {
    store_relaxed(reinterpret_cast<uint4*>(inbox) + i, make_uint4(kNoRow, kNoRow, kNoRow, kNoRow));
}

/// Waits for vector i of a row, as take() does, or until the warp's first lane sees that its source
/// has no such row, whose values are zeros. Called by all lanes of a warp; `active`: whether this
/// one has a vector of the row.
template <class V>
__device__ V take_row(const Peers& peers, std::byte* inbox, std::int64_t i, uint4 seen, bool active,
                      int peer, std::uint32_t epoch) {
    auto* place = reinterpret_cast<uint4*>(inbox) + i;
    Overdue overdue{peers, peer, epoch};
    bool none = false;
    for (;;) {
        const bool come = has_come(seen);
        none = __shfl_sync(kAllLanes, static_cast<int>(come && seen.x == kNoRow), 0) != 0;
        if (none || __all_sync(kAllLanes, come || !active)) break;
        if (__any_sync(kAllLanes, overdue(seen.x))) break;
        if (active && !come) seen = load_relaxed(place);
    }
    V value{};
    if (none) {
        if (threadIdx.x % kWarp == 0) *place = make_uint4(0, 0, 0, 0);
    } else if (active) {
        *place = make_uint4(0, 0, 0, 0);
        const auto words = make_uint4(~seen.x, ~seen.y, ~seen.z, ~seen.w);
        std::memcpy(static_cast<void*>(&value), &words, sizeof value);
    }
    return value;
}

/// One call, as its kernels take it.
struct WeightedPush {
    const Peers& inbox;
    PlanView<WeightedPiece> plan;  ///< whose parts are slices
    WeightedRows rows;
    RowShape shape;
    Matrix dense, out;
};
/// Expert rows come by bulk copies: for many rows, all wide (see rows_are_wide()), where there are
/// ring_workers().
void launch_push_weighted_ring(const WeightedPush& push, const PeerLaunch& how);
/// In registers, with the residual norm of the rows, all of them wide.
void launch_push_weighted_sum_norm(const WeightedPush& push, const ResidualNorm& norm,
                                   const PeerLaunch& how);

}  // namespace moe::cuda
