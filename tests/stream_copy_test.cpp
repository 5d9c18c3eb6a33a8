// Copies past the caches: every alignment and size around a vector, and nothing beside them.
#include "kernels/host/stream_copy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace moe {
namespace {

TEST(StreamCopy, WritesItsBytesAndNoOthers) {
    constexpr std::size_t kMost = 70;
    constexpr std::size_t kShifts = 17;
    constexpr std::byte kBefore{0xff};
    std::vector<std::byte> from(kMost + kShifts), to(kMost + 2 * kShifts), expected;
    for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::byte>(i);
    for (std::size_t bytes = 0; bytes <= kMost; ++bytes) {
        for (std::size_t shift = 0; shift < kShifts; ++shift) {
            const auto* source = from.data() + (shift * 5) % kShifts;
            std::ranges::fill(to, kBefore);
            expected = to;
            std::copy_n(source, bytes, expected.data() + shift);
            stream_copy(source, bytes, to.data() + shift);
            EXPECT_EQ(to, expected) << bytes << " bytes at " << shift;
        }
    }
}

}  // namespace
}  // namespace moe
