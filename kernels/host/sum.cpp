#include "kernels/host/sum.hpp"

#include "kernels/host/row_ops.hpp"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

namespace moe {
namespace {

/// Operands that are read side by side, as streams that the core prefetches; the sum stays in
/// registers.
constexpr std::size_t kStreams = 8;
/// Elements of more operands summed at a time: the sums in f32 stay in the L1 cache.
constexpr std::int64_t kBlock = 1024;

template <std::size_t Rows, class T>
std::array<const T*, Rows> rows_at(std::span<const Matrix> operands, std::int64_t first) {
    std::array<const T*, Rows> rows{};
    for (std::size_t i = 0; i < Rows; ++i) rows[i] = operands[i].template as<T>() + first;
    return rows;
}

template <class T>
void sum_few(std::span<const Matrix> operands, T* to, std::int64_t count) {
    const auto of = [&]<std::size_t... I>(std::index_sequence<I...> /*rows less one*/) {
        const auto sum_if_rows = [&](auto rows) {
            constexpr std::size_t kRows = decltype(rows)::value;
            if (operands.size() == kRows)
                sum_rows<kRows>(rows_at<kRows, T>(operands, 0), to, count);
        };
        (sum_if_rows(std::integral_constant<std::size_t, I + 1>{}), ...);
    };
    of(std::make_index_sequence<kStreams>{});
}

template <class T>
void sum_many(std::span<const Matrix> operands, T* to, std::int64_t count) {
    std::array<float, kBlock> sums{};
    for (std::int64_t first = 0; first < count; first += kBlock) {
        const auto block = std::min(kBlock, count - first);
        std::fill_n(sums.data(), block, 0.0F);
        std::size_t at = 0;
        const auto add = [&](auto at_once) {
            constexpr std::size_t kRows = decltype(at_once)::value;
            for (; at + kRows <= operands.size(); at += kRows) {
                add_rows<kRows>(rows_at<kRows, T>(operands.subspan(at), first), sums.data(), block);
            }
        };
        add(std::integral_constant<std::size_t, 4>{});
        add(std::integral_constant<std::size_t, 1>{});
        round_to(sums.data(), to + first, block);
    }
}

}  // namespace

void sum_matrices(std::span<const Matrix> operands, const Matrix& to) {
    for (const auto& operand : operands) {
        MOE_EXPECT(operand.bytes() == to.bytes(), "a sum of unlike matrices");
    }
    visit_dtype(to.dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        if (operands.empty() || operands.size() > kStreams) {
            sum_many(operands, to.as<T>(), to.elements());
        } else {
            sum_few(operands, to.as<T>(), to.elements());
        }
    });
}

}  // namespace moe
