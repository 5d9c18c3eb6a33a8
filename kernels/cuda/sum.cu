// The sum of several matrices: each element is read once from each term and written once, so memory
// bandwidth is the floor. Sixteen bytes at a time where every address allows it.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/sum.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <cstdint>

namespace moe::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = 4096;
constexpr std::size_t kVectorBytes = 16;

/// The device's own type for each of ours; the bits are the same.
template <class T>
struct Native {
    using type = T;
};
template <>
struct Native<BFloat16> {
    using type = __nv_bfloat16;
};
template <>
struct Native<Float16> {
    using type = __half;
};

template <class T, int Width>
struct alignas(sizeof(T) * Width) Vector {
    T at[Width];
};

template <class T, int Width>
__global__ void sum(const __grid_constant__ Terms terms, T* to, std::int64_t vectors) {
    using V = Vector<T, Width>;
    const auto stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (auto i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < vectors;
         i += stride) {
        float total[Width] = {};
        for (std::size_t t = 0; t < terms.count; ++t) {
            const V term = reinterpret_cast<const V*>(terms.data[t])[i];
            for (int j = 0; j < Width; ++j) total[j] += static_cast<float>(term.at[j]);
        }
        V rounded;
        for (int j = 0; j < Width; ++j) rounded.at[j] = static_cast<T>(total[j]);
        reinterpret_cast<V*>(to)[i] = rounded;
    }
}

bool is_vector_aligned(const std::byte* data) {
    return reinterpret_cast<std::uintptr_t>(data) % kVectorBytes == 0;
}

template <class T, int Width>
void launch(const Terms& terms, const Matrix& to, cudaStream_t stream) {
    const auto vectors = to.elements() / Width;
    const auto blocks =
        std::clamp<std::int64_t>((vectors + kThreads - 1) / kThreads, 1, kMostBlocks);
    sum<T, Width>
        <<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(terms, to.as<T>(), vectors);
    MOE_CUDA(cudaGetLastError());
}

}  // namespace

void launch_sum(const Terms& terms, const Matrix& to, cudaStream_t stream) {
    const bool wide = to.bytes() % kVectorBytes == 0 && is_vector_aligned(to.data) &&
                      std::all_of(terms.data, terms.data + terms.count, is_vector_aligned);
    visit_dtype(to.dtype, [&](auto tag) {
        using T = typename Native<typename decltype(tag)::type>::type;
        if (wide) {
            launch<T, static_cast<int>(kVectorBytes / sizeof(T))>(terms, to, stream);
        } else {
            launch<T, 1>(terms, to, stream);
        }
    });
}

}  // namespace moe::cuda
