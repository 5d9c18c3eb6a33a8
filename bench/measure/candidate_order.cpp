#include "bench/measure/candidate_order.hpp"

#include "bench/measure/shuffle.hpp"
#include "kernels/runtime/error.hpp"

#include <numeric>
#include <random>

namespace moe {

CandidateOrder::CandidateOrder(std::size_t candidates, std::uint64_t seed) {
    MOE_EXPECT(candidates > 0, "an order of nobody");
    // First row 0, 1, n-1, 2, n-2, ...: the differences of neighbours are all different modulo n.
    std::vector<std::size_t> first{0};
    for (std::size_t low = 1, high = candidates - 1; first.size() < candidates;) {
        first.push_back(low++);
        if (first.size() < candidates) first.push_back(high--);
    }
    std::mt19937_64 random(seed);
    std::vector<std::size_t> part(candidates);
    std::iota(part.begin(), part.end(), std::size_t{0});
    shuffle(part, random);

    for (std::size_t shift = 0; shift < candidates; ++shift) {
        std::vector<std::size_t> round;
        for (const auto position : first) round.push_back(part[(position + shift) % candidates]);
        rounds_.push_back(round);
        if (candidates % 2 == 1 &&
            candidates > 1) {  // an odd number needs the mirror images as well
            rounds_.emplace_back(round.rbegin(), round.rend());
        }
    }
    shuffle(rounds_, random);
}

}  // namespace moe
