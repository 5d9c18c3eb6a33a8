#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

namespace moe {

/// Choices [rows, top_k] of distinct experts; some rows, as 4 and 13, are padding.
inline std::vector<std::int32_t> random_choices(std::int64_t rows, std::int64_t experts,
                                                int top_k) {
    std::mt19937 random(5);
    std::vector<std::int32_t> all(static_cast<std::size_t>(experts));
    std::iota(all.begin(), all.end(), 0);
    std::vector<std::int32_t> choices;
    for (std::int64_t row = 0; row < rows; ++row) {
        std::ranges::shuffle(all, random);
        for (int k = 0; k < top_k; ++k) {
            choices.push_back(row % 9 == 4 ? -1 : all[static_cast<std::size_t>(k)]);
        }
    }
    return choices;
}

}  // namespace moe
