// The elements that stress tests of peer kernels make, and how they are compared.
#include "tests/peer_values.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace moe {
namespace {

constexpr std::size_t kElements = 5000;
constexpr std::uint64_t kSeed = 0x123456789abcdefU;

template <class T>
std::span<std::byte> bytes_of(std::vector<T>& values) {
    return std::as_writable_bytes(std::span(values));
}
template <class T>
std::vector<T> drawn(const PeerValues& values, int rank, std::int64_t first) {
    std::vector<T> drawn(kElements);
    values.write(rank, first, bytes_of(drawn));
    return drawn;
}

TEST(PeerValues, HaveZerosInfinitiesAndNaNsAmongNumbersInEveryType) {
    for (const auto& traits : dtypes()) {
        visit_dtype(traits.dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            auto values = drawn<T>({traits.dtype, kSeed, 0}, 0, 0);
            const auto bytes = bytes_of(values);
            std::size_t minus_zeros = 0, infinities = 0, nans = 0, all_ones = 0;
            for (std::size_t i = 0; i < values.size(); ++i) {
                const auto value = static_cast<float>(values[i]);
                const auto bits = bytes.subspan(i * sizeof(T), sizeof(T));
                minus_zeros += value == 0 && std::signbit(value) ? 1U : 0U;
                infinities += std::isinf(value) ? 1U : 0U;
                nans += std::isnan(value) ? 1U : 0U;
                all_ones +=
                    std::ranges::all_of(bits, [](auto byte) { return byte == std::byte{0xff}; });
            }
            for (const auto count : {minus_zeros, infinities, nans - all_ones, all_ones}) {
                EXPECT_GT(count, kElements / 100) << traits.name;
                EXPECT_LT(count, kElements / 20) << traits.name;
            }
        });
    }
}

TEST(PeerValues, DependOnSeedReplayRankAndElement) {
    const auto base = drawn<float>({DType::f32, kSeed, 0}, 0, 0);
    const std::array others{drawn<float>({DType::f32, kSeed + 1, 0}, 0, 0),
                            drawn<float>({DType::f32, kSeed + (std::uint64_t{1} << 32U), 0}, 0, 0),
                            drawn<float>({DType::f32, kSeed, 1}, 0, 0),
                            drawn<float>({DType::f32, kSeed, 0}, 1, 0),
                            drawn<float>({DType::f32, kSeed, 0}, 0, 1)};
    for (std::size_t i = 0; i < others.size(); ++i) {
        std::size_t same = 0;
        for (std::size_t e = 0; e < kElements; ++e) same += base[e] == others[i][e] ? 1U : 0U;
        EXPECT_LT(same, kElements / 100) << "of other values " << i;
    }
}

TEST(PeerValues, AreTheSameWhereverWritingBegins) {
    const PeerValues values(DType::f32, kSeed, 3);
    constexpr std::int64_t kFirst = 1234;
    auto all = drawn<float>(values, 2, 0);
    auto later = drawn<float>(values, 2, kFirst);
    const auto common = (kElements - kFirst) * sizeof(float);
    EXPECT_FALSE(
        first_difference(DType::f32, bytes_of(all).last(common), bytes_of(later).first(common)));
}

TEST(PeerValues, AreSummedInTheOrderOfRanksAndRoundedOnce) {
    for (const auto& traits : dtypes()) {
        visit_dtype(traits.dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            constexpr int kRanks = 3;
            constexpr std::int64_t kFirst = 77;
            const PeerValues values(traits.dtype, kSeed, 1);
            std::vector<float> sums(kElements);
            for (int rank = 0; rank < kRanks; ++rank) {
                const auto brought = drawn<T>(values, rank, kFirst);
                for (std::size_t i = 0; i < kElements; ++i) {
                    sums[i] += static_cast<float>(brought[i]);
                }
            }
            std::vector<T> want(kElements), got(kElements);
            std::ranges::transform(sums, want.begin(), [](float sum) { return T(sum); });
            values.write_sums(kRanks, kFirst, bytes_of(got));
            EXPECT_FALSE(first_difference(traits.dtype, bytes_of(got), bytes_of(want)))
                << traits.name;
        });
    }
}

TEST(FirstDifference, IsOfOneBitOrOfAZerosSignButNotBetweenNaNs) {
    for (const auto& traits : dtypes()) {
        visit_dtype(traits.dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
            const std::vector<T> values(100, T(1.5F));
            const auto differs = [&](std::size_t at, float is, float want) {
                auto a = values, b = values;
                a[at] = T(is);
                b[at] = T(want);
                return first_difference(traits.dtype, bytes_of(a), bytes_of(b));
            };
            EXPECT_FALSE(differs(7, kNaN, -kNaN)) << traits.name;
            for (const std::size_t at : {0U, 50U, 99U}) {
                for (const auto& [is, want] : {std::pair{0.0F, -0.0F}, {2.0F, 3.0F}}) {
                    const auto found = differs(at, is, want);
                    ASSERT_TRUE(found) << traits.name;
                    EXPECT_EQ(found->element, at);
                    EXPECT_EQ(found->is, is);
                    EXPECT_EQ(found->want, want);
                }
                EXPECT_TRUE(differs(at, kNaN, 1)) << traits.name;
                EXPECT_TRUE(differs(at, 1, kNaN)) << traits.name;
                auto flipped = values, whole = values;
                bytes_of(flipped)[at * sizeof(T)] ^= std::byte{1};
                EXPECT_TRUE(first_difference(traits.dtype, bytes_of(flipped), bytes_of(whole)))
                    << traits.name;
            }
        });
    }
}

}  // namespace
}  // namespace moe
