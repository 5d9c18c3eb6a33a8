#include "bench/engines/captured_sizes.hpp"

#include <algorithm>
#include <iterator>

namespace moe {

std::vector<std::int64_t> CapturedSizes::of_ranks(int ranks) const {
    std::int64_t limit = 0;
    for (const auto& [from_ranks, most] : largest) {
        if (ranks >= from_ranks) limit = most;
    }
    std::vector<std::int64_t> sizes;
    std::ranges::copy_if(rows, std::back_inserter(sizes), [&](auto size) { return size <= limit; });
    return sizes;
}

std::optional<std::int64_t> captured_rows(std::span<const std::int64_t> sizes, std::int64_t tokens,
                                          int attn_tp) {
    std::optional<std::int64_t> smallest;
    for (const auto size : sizes) {
        if (size < tokens || size % attn_tp != 0) continue;
        smallest = std::min(size, smallest.value_or(size));
    }
    return smallest;
}

}  // namespace moe
