#include "bench/measure/skew.hpp"

#include <random>

namespace moe {
namespace {

/// From 0 up to 1 in steps of 2^-53. Not std::uniform_real_distribution: what that draws is up to
/// the standard library, and ranks may have been built with different ones.
double uniform(std::mt19937_64& random) {
    return static_cast<double>(random() >> 11U) * 0x1p-53;
}

}  // namespace

std::vector<double> Skew::delays(std::size_t round) const {
    if (none()) return {};
    // Seeds of neighbouring rounds differ in a few bits only, which seed_seq spreads over all.
    std::seed_seq words{seed_, seed_ >> 32U, static_cast<std::uint64_t>(round)};
    std::mt19937_64 random(words);
    const auto ranks = static_cast<std::size_t>(ranks_);
    const auto punctual = random() % ranks;
    std::vector<double> delays(ranks);
    for (auto& delay : delays) delay = max_ * uniform(random);
    delays[punctual] = 0;
    return delays;
}

double Skew::delay(std::size_t round, int rank) const {
    return none() ? 0 : delays(round)[static_cast<std::size_t>(rank)];
}

}  // namespace moe
