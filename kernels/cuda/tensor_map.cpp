#include "kernels/cuda/tensor_map.hpp"

#include "kernels/cuda/cuda.hpp"

#include <fmt/format.h>

#include <array>

namespace moe::cuda {
namespace {

/// The driver's function, asked for at run time: libcuda.so is not on machines without a GPU, and
/// the program must start there.
decltype(&cuTensorMapEncodeTiled) encoder() {
    void* function = nullptr;
    cudaDriverEntryPointQueryResult found{};
    constexpr unsigned kFirstVersion = 12000;
    MOE_CUDA(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, kFirstVersion,
                                              cudaEnableDefault, &found));
    MOE_EXPECT(found == cudaDriverEntryPointSuccess, "the driver has no tensor maps");
    return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(function);
}

}  // namespace

CUtensorMap make_tensor_map(const Matrix& matrix, unsigned box_rows, unsigned box_cols) {
    static const auto encode = encoder();
    const auto type = matrix.dtype == DType::bf16 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16
                                                  : CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
    const std::array<cuuint64_t, 2> size{static_cast<cuuint64_t>(matrix.cols),
                                         static_cast<cuuint64_t>(matrix.rows)};
    const std::array<cuuint64_t, 1> stride{matrix.row_bytes()};
    const std::array<cuuint32_t, 2> box{box_cols, box_rows};
    const std::array<cuuint32_t, 2> step{1, 1};
    CUtensorMap map{};
    const auto status =
        encode(&map, type, 2, matrix.data, size.data(), stride.data(), box.data(), step.data(),
               CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
               CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    if (status != CUDA_SUCCESS) {
        raise(MOE_SITE("cuTensorMapEncodeTiled"),
              fmt::format("{} rows of {} columns, boxes of {} x {}: error {}", matrix.rows,
                          matrix.cols, box_rows, box_cols, static_cast<int>(status)));
    }
    return map;
}

}  // namespace moe::cuda
