// What a thread of a kernel knows of itself.
#pragma once

#include <cuda_runtime.h>

// NOLINTNEXTLINE: CUDA's own names.
inline thread_local uint3 threadIdx, blockIdx;
// NOLINTNEXTLINE
inline thread_local dim3 blockDim, gridDim;

namespace moe::simt {

struct Block;
/// The one that this thread belongs to, and how often it has met its warp there.
inline thread_local Block* block;
inline thread_local unsigned exchanges;

}  // namespace moe::simt
