#include "kernels/host/sum.hpp"

#include "kernels/host/row_ops.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

namespace moe {
namespace {

/// Elements summed at a time: the sums in f32 stay in the L1 cache.
constexpr std::int64_t kBlock = 1024;

}  // namespace

void sum_matrices(std::span<const Matrix> terms, const Matrix& to) {
    for (const auto& term : terms) {
        MOE_EXPECT(term.bytes() == to.bytes(), "a sum of unlike matrices");
    }
    visit_dtype(to.dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        std::array<float, kBlock> sums{};
        for (std::int64_t first = 0; first < to.elements(); first += kBlock) {
            const auto count = std::min(kBlock, to.elements() - first);
            std::fill_n(sums.data(), count, 0.0F);
            std::size_t at = 0;
            const auto add = [&](auto at_once) {
                constexpr std::size_t kRows = decltype(at_once)::value;
                for (; at + kRows <= terms.size(); at += kRows) {
                    std::array<const T*, kRows> rows{};
                    for (std::size_t i = 0; i < kRows; ++i) {
                        rows[i] = terms[at + i].template as<T>() + first;
                    }
                    add_rows<kRows>(rows, sums.data(), count);
                }
            };
            add(std::integral_constant<std::size_t, 4>{});
            add(std::integral_constant<std::size_t, 2>{});
            add(std::integral_constant<std::size_t, 1>{});
            round_to(sums.data(), to.as<T>() + first, count);
        }
    });
}

}  // namespace moe
