#include "bench/measure/cache_flush.hpp"

#include <algorithm>
#include <vector>

namespace moe {
namespace {

constexpr std::int64_t kElements = 16384;  ///< of the result, and of each operand
constexpr std::size_t kOperandBytes = kElements * sizeof(float);
constexpr std::size_t kOperandsPerSum = 16;

std::size_t operands_of(const Device& device) {
    return 2 * device.cache_bytes() / kOperandBytes + 1;
}

/// Every row is an operand.
Matrix matrix_of(const Buffer& buffer) {
    return buffer.matrix(static_cast<std::int64_t>(buffer.bytes() / kOperandBytes), kElements,
                         DType::f32);
}

}  // namespace

CacheFlush::CacheFlush(Device& device, Stream& stream)
    : device_(device),
      evicting_(device.allocate(operands_of(device) * kOperandBytes)),
      sum_(device.allocate(kOperandBytes)) {
    // Pages that were never written may all be one page of zeros, which fits in any cache.
    device.clear(matrix_of(evicting_), stream);
}

std::size_t CacheFlush::bytes(const Device& device) {
    return (operands_of(device) + 1) * kOperandBytes;
}

void CacheFlush::flush(Stream& stream) {
    const auto all = matrix_of(evicting_);
    std::vector<Matrix> operands;
    for (std::int64_t row = 0; row < all.rows; ++row) {
        operands.push_back(all.slice(row, 1));
        if (operands.size() < std::min(kOperandsPerSum, device_.max_operands()) &&
            row + 1 < all.rows) {
            continue;
        }
        device_.sum(operands, matrix_of(sum_), stream);
        operands.clear();
    }
}

}  // namespace moe
