#pragma once

#include <cstdint>

namespace moe::cuda {

/// Walks through the output tiles of a grouped matrix product, in an order that all blocks share:
/// by expert, and within one by columns, so that blocks that run at the same time read the same
/// weights and find them in the L2 cache. A block asks for growing indices only.
class Tiles {
public:
    /// `offsets` [experts + 1], in any memory.
    __device__ Tiles(const std::int32_t* offsets, int experts, int rows_of_tile, int col_tiles)
        : offsets_(offsets), experts_(experts), rows_of_tile_(rows_of_tile), col_tiles_(col_tiles) {
        if (experts > 0) row_tiles_ = count();
    }

    /// False behind the last tile; else the next four say which it is.
    __device__ bool find(int index) {
        while (expert_ < experts_ && index >= first_ + row_tiles_ * col_tiles_) {
            first_ += row_tiles_ * col_tiles_;
            if (++expert_ < experts_) row_tiles_ = count();
        }
        if (expert_ >= experts_) return false;
        const int within = index - first_;
        row_ = offsets_[expert_] + within % row_tiles_ * rows_of_tile_;
        col_tile_ = within / row_tiles_;
        return true;
    }
    [[nodiscard]] __device__ int expert() const { return expert_; }
    [[nodiscard]] __device__ int row() const { return row_; }  ///< the first one
    [[nodiscard]] __device__ int rows_left() const { return offsets_[expert_ + 1] - row_; }
    [[nodiscard]] __device__ int col_tile() const { return col_tile_; }

private:
    [[nodiscard]] __device__ int count() const {
        const int rows = offsets_[expert_ + 1] - offsets_[expert_];
        return (rows + rows_of_tile_ - 1) / rows_of_tile_;
    }

    const std::int32_t* offsets_;
    int experts_;
    int rows_of_tile_;
    int col_tiles_;
    int expert_{};
    int first_{};  ///< index of the expert's first tile
    int row_tiles_{};
    int row_{};
    int col_tile_{};
};

}  // namespace moe::cuda
