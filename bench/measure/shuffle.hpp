#pragma once

#include <cstddef>
#include <random>
#include <utility>
#include <vector>

namespace moe {

/// Fisher-Yates. Not std::shuffle: which permutation that draws is up to the standard library, and
/// an order that a seed gives must be the same everywhere.
template <class T>
void shuffle(std::vector<T>& items, std::mt19937_64& random) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random() % i]);
}

}  // namespace moe
