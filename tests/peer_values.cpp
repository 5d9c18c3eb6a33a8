#include "tests/peer_values.hpp"

#include "tests/mixed_bits.hpp"
#include "tests/same_values.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace moe {
namespace {

/// Bits of an f32 for each of the numbers that 12 bits can say.
constexpr auto kDrawn = [] {
    constexpr std::array<std::uint32_t, 5> kSpecial{0x80000000U, 0x7f800000U, 0xff800000U,
                                                    0x7fc00000U, 0xffffffffU};
    std::array<std::uint32_t, 1U << 12U> drawn{};
    for (std::uint32_t i = 0; i < drawn.size(); ++i) {
        const auto eighths = static_cast<float>(static_cast<int>(i % 2001) - 1000);
        drawn[i] =
            i % 61 < kSpecial.size() ? kSpecial[i % 61] : std::bit_cast<std::uint32_t>(eighths / 8);
    }
    return drawn;
}();

/// Draws elements from `first` on. All ones stay all ones in every type.
template <class T>
void draw(std::uint32_t key, std::int64_t first, std::span<T> to) {
    const auto begin = static_cast<std::size_t>(first);
    for (std::size_t i = 0; i < to.size(); ++i) {
        const auto bits = mixed_bits(key, static_cast<std::uint32_t>(begin + i));
        to[i] = static_cast<T>(std::bit_cast<float>(kDrawn[bits >> 20U]));
    }
}

template <class T>
std::span<T> elements(std::span<std::byte> bytes) {
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
}
template <class T>
std::span<const T> elements(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
}

}  // namespace

PeerValues::PeerValues(DType dtype, std::uint64_t seed, std::uint64_t replay)
    : dtype_(dtype), key_(mixed_bits(mixed_key(seed), static_cast<std::uint32_t>(replay))) {}

std::uint32_t PeerValues::key(int rank) const {
    return mixed_bits(key_, static_cast<std::uint32_t>(rank));
}

void PeerValues::write(int rank, std::int64_t first, std::span<std::byte> to) const {
    visit_dtype(dtype_, [&](auto tag) {
        using T = typename decltype(tag)::type;
        draw(key(rank), first, elements<T>(to));
    });
}

void PeerValues::write_sums(int ranks, std::int64_t first, std::span<std::byte> to) const {
    visit_dtype(dtype_, [&](auto tag) {
        using T = typename decltype(tag)::type;
        constexpr std::size_t kBlock = 1024;  // of elements: a few KiB, which stay in the L1 cache
        auto left = elements<T>(to);
        while (!left.empty()) {
            const auto block = left.first(std::min(left.size(), kBlock));
            std::array<T, kBlock> brought;
            std::array<float, kBlock> sums{};
            for (int rank = 0; rank < ranks; ++rank) {
                draw(key(rank), first, std::span(brought).first(block.size()));
                for (std::size_t i = 0; i < block.size(); ++i) {
                    sums[i] += static_cast<float>(brought[i]);
                }
            }
            for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<T>(sums[i]);
            first += static_cast<std::int64_t>(block.size());
            left = left.subspan(block.size());
        }
    });
}

std::optional<Difference> first_difference(DType dtype, std::span<const std::byte> is,
                                           std::span<const std::byte> want) {
    return visit_dtype(dtype, [&](auto tag) -> std::optional<Difference> {
        using T = typename decltype(tag)::type;
        const auto a = elements<T>(is);
        const auto b = elements<T>(want);
        // Asks first whether there is any, since a loop that stops there is not vectorised.
        std::uint32_t differ = 0;
        for (std::size_t i = 0; i < a.size(); ++i) differ |= same_values(a[i], b[i]) ? 0U : 1U;
        if (differ == 0) return {};
        std::size_t i = 0;
        while (same_values(a[i], b[i])) ++i;
        return Difference{i, static_cast<float>(a[i]), static_cast<float>(b[i])};
    });
}

}  // namespace moe
