#include "bench/measure/rival_order.hpp"

#include "bench/measure/shuffle.hpp"
#include "kernels/runtime/error.hpp"

#include <numeric>
#include <random>

namespace moe {

RivalOrder::RivalOrder(std::size_t rivals, std::uint64_t seed) {
    MOE_EXPECT(rivals > 0, "an order of nobody");
    // First row 0, 1, n-1, 2, n-2, ...: the differences of neighbours are all different modulo n.
    std::vector<std::size_t> first{0};
    for (std::size_t low = 1, high = rivals - 1; first.size() < rivals;) {
        first.push_back(low++);
        if (first.size() < rivals) first.push_back(high--);
    }
    std::mt19937_64 random(seed);
    std::vector<std::size_t> part(rivals);
    std::iota(part.begin(), part.end(), std::size_t{0});
    shuffle(part, random);

    for (std::size_t shift = 0; shift < rivals; ++shift) {
        std::vector<std::size_t> round;
        for (const auto place : first) round.push_back(part[(place + shift) % rivals]);
        rounds_.push_back(round);
        if (rivals % 2 == 1 && rivals > 1) {  // an odd number needs the mirror images as well
            rounds_.emplace_back(round.rbegin(), round.rend());
        }
    }
    shuffle(rounds_, random);
}

}  // namespace moe
