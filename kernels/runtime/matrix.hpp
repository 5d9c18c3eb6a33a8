#pragma once

#include "kernels/runtime/dtype.hpp"

#include <cstddef>
#include <cstdint>

namespace moe {

/// Rows of `cols` elements, densely packed in device memory; a view, never an owner.
struct Matrix {
    std::byte* data{};
    std::int64_t rows{};
    std::int64_t cols{};
    DType dtype{};

    [[nodiscard]] std::size_t row_bytes() const {
        return static_cast<std::size_t>(cols) * size_of(dtype);
    }
    [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(rows) * row_bytes(); }
    [[nodiscard]] std::int64_t elements() const { return rows * cols; }
    [[nodiscard]] Matrix slice(std::int64_t first, std::int64_t count) const {
        MOE_EXPECT(first >= 0 && count >= 0 && first + count <= rows, "slice outside the matrix");
        return {data + static_cast<std::size_t>(first) * row_bytes(), count, cols, dtype};
    }
    template <class T>
    [[nodiscard]] T* as() const {
        return reinterpret_cast<T*>(data);
    }
};

}  // namespace moe
