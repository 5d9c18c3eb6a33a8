#pragma once

#include "comm/combine/combine.hpp"

#include <cstddef>
#include <cstdint>

namespace moe {

/// Stands for a layer's local combine where there is no layer: it writes partial sums as that one
/// does, each row a weighted sum of `entries` expert rows. These are few and stay in the caches, so
/// that what takes time beside the arithmetic is to write the partial sums: rows that other ranks
/// have read take longer. A local combine spreads its stores over its arithmetic; a fill does not,
/// and waits for every line.
class CachedCombine {
public:
    struct Shape {
        std::int64_t rows{}, cols{};
        std::int64_t entries{};  ///< of a row
        DType dtype{};           ///< of expert rows: what the layer kernels compute in
    };
    CachedCombine(Device& device, const Shape& shape);

    [[nodiscard]] static std::size_t bytes(const Shape& shape);
    /// Enqueues it. `to` is [shape.rows, shape.cols], of any type.
    void run(const Matrix& to, Stream& stream) const;

private:
    Device* device_;
    Buffer offsets_, indices_, weights_, dense_;
    WeightedRows rows_;
    Matrix expert_rows_;
};

}  // namespace moe
