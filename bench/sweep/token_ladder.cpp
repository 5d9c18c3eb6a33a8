#include "bench/sweep/token_ladder.hpp"

#include <algorithm>
#include <array>

namespace moe {
namespace {

struct Ladder {
    StepPhase phase{};
    std::int64_t fewest{}, most{};
};
constexpr std::array kLadders{Ladder{StepPhase::decode, 1, 512},
                              Ladder{StepPhase::prefill, 1024, 8192}};

}  // namespace

std::vector<std::int64_t> collectivex_ladder(std::span<const StepPhase> phases) {
    std::vector<std::int64_t> tokens;
    for (const auto& ladder : kLadders) {
        if (std::ranges::find(phases, ladder.phase) == phases.end()) continue;
        for (auto step = ladder.fewest; step <= ladder.most; step *= 2) tokens.push_back(step);
    }
    return tokens;
}

}  // namespace moe
