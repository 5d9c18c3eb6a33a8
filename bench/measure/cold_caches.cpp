#include "bench/measure/cold_caches.hpp"

#include <algorithm>
#include <vector>

namespace moe {
namespace {

constexpr std::int64_t kElements = 16384;  ///< of the small result, and of each term
constexpr std::size_t kTermBytes = kElements * sizeof(float);
constexpr std::size_t kTermsAtOnce = 16;

std::size_t terms_of(const Device& device) {
    return 2 * device.cache_bytes() / kTermBytes + 1;
}

/// Every row is a term.
Matrix matrix_of(const Buffer& buffer) {
    return buffer.matrix(static_cast<std::int64_t>(buffer.bytes() / kTermBytes), kElements,
                         DType::f32);
}

}  // namespace

ColdCaches::ColdCaches(Device& device, Stream& stream)
    : device_(device),
      unread_(device.allocate(terms_of(device) * kTermBytes)),
      sum_(device.allocate(kTermBytes)) {
    // Pages that were never written may all be one page of zeros, which fits in any cache.
    device.clear(matrix_of(unread_), stream);
}

std::size_t ColdCaches::bytes(const Device& device) {
    return (terms_of(device) + 1) * kTermBytes;
}

void ColdCaches::fill(Stream& stream) {
    const auto all = matrix_of(unread_);
    std::vector<Matrix> terms;
    for (std::int64_t row = 0; row < all.rows; ++row) {
        terms.push_back(all.slice(row, 1));
        if (terms.size() < std::min(kTermsAtOnce, device_.most_terms()) && row + 1 < all.rows) {
            continue;
        }
        device_.sum(terms, matrix_of(sum_), stream);
        terms.clear();
    }
}

}  // namespace moe
