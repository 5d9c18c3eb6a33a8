#pragma once

#include "kernels/runtime/layer_kernels.hpp"

#include <cuda_runtime_api.h>

namespace moe::cuda {

/// LayerKernels::permute in three launches, which overlap: chunks of rows count their choices of
/// each local expert; the counts are scanned; rows are copied to where they belong. Few rows take
/// one launch. The order is by expert, then by row, whatever runs first.
class Permute {
public:
    /// For at most so many rows and local experts.
    Permute(Device& device, const LayerDims& dims);
    [[nodiscard]] static std::size_t bytes(const LayerDims& dims);

    void launch(const Matrix& x, const Routing& routing, const float* shared_weight,
                const LayerKernels::Permutation& permutation, cudaStream_t stream);

private:
    int top_k_;
    Buffer rank_, entry_, counts_;  ///< see ChunkParams
};

}  // namespace moe::cuda
