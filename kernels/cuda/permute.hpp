#pragma once

#include "kernels/runtime/layer_kernels.hpp"

#include <cuda_runtime_api.h>

namespace moe::cuda {

/// LayerKernels::permute in three launches, which overlap: rows are cut into chunks, which count
/// their rows of each local expert; the counts are added up; rows are copied to where they belong.
/// Few rows take one launch, where each row compares its choices with all. The order is by expert,
/// then by row, whatever runs first.
class Permutation {
public:
    /// For at most so many rows and local experts.
    Permutation(Device& device, const LayerDims& dims);
    [[nodiscard]] static std::size_t bytes(const LayerDims& dims);

    void launch(const Matrix& x, const Routing& routing, const float* shared_weight,
                const LayerKernels::Packing& packing, cudaStream_t stream);

private:
    int top_k_;
    bool many_copies_;  ///< of a row, where routing is even
    Buffer rank_;       ///< [rows, top_k]: place of a choice among its chunk's rows of that expert
    Buffer entry_;      ///< [rows]: entries of the CSR matrix before this row, within its chunk
    Buffer counts_;     ///< [experts + 1, chunks]: rows, then those of the chunks before, and last
                        ///< entries of the CSR matrix
    Buffer totals_;     ///< [experts]: rows; zero between launches
};

}  // namespace moe::cuda
