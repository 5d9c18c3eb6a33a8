#include "bench/moe/epilogue.hpp"

#include <random>
#include <vector>

namespace moe {
namespace {

constexpr float kEps = 1e-6F;  ///< what most models have

/// Fills a matrix with middle + k / 64, k drawn from [-64, 63] * scale.
void fill_randomly(Device& device, const Matrix& matrix, float middle, float scale) {
    std::mt19937 random(1);
    visit_dtype(matrix.dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        std::vector<T> row(static_cast<std::size_t>(matrix.cols));
        for (std::int64_t i = 0; i < matrix.rows; ++i) {
            for (auto& value : row) {
                const auto k = static_cast<int>(random() % 128U) - 64;
                value = T(middle + scale * static_cast<float>(k) / 64);
            }
            device.upload(reinterpret_cast<const std::byte*>(row.data()), matrix.slice(i, 1).data,
                          matrix.row_bytes());
        }
    });
}

}  // namespace

std::string_view to_string(Epilogue epilogue) {
    return epilogue == Epilogue::none ? "none" : "residual_norm";
}

ResidualNormStep::ResidualNormStep(Device& device, std::int64_t rows, std::int64_t cols,
                                   DType dtype)
    : device_(&device) {
    const auto allocate = [&](std::int64_t count, Buffer& buffer) {
        buffer = device.allocate(static_cast<std::size_t>(count * cols) * size_of(dtype));
        return buffer.matrix(count, cols, dtype);
    };
    operands_ = {.rows = {},
                 .residual = allocate(rows, residual_),
                 .weight = allocate(1, weight_),
                 .eps = kEps,
                 .hidden = allocate(rows, hidden_),
                 .normed = allocate(rows, normed_)};
    fill_randomly(device, operands_.residual, 0, 1);
    fill_randomly(device, operands_.weight, 1, 0.25F);
}

ResidualNorm ResidualNormStep::of(const Matrix& rows) const {
    auto operands = operands_;
    operands.rows = rows;
    return operands;
}

void ResidualNormStep::poison(Stream& stream) {
    constexpr std::byte kNan{0xff};
    device_->fill_bytes(operands_.hidden, kNan, stream);
    device_->fill_bytes(operands_.normed, kNan, stream);
}

std::size_t ResidualNormStep::bytes(std::int64_t rows, std::int64_t cols, DType dtype) {
    return static_cast<std::size_t>((3 * rows + 1) * cols) * size_of(dtype);
}

}  // namespace moe
