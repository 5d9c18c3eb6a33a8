#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moe {

/// The order of the candidates in each round. A Williams design (E. J. Williams, 1949): over one
/// cycle of rounds each candidate stands in each place equally often, and each follows each other
/// equally often, so that what one leaves behind in the caches falls on all alike. The seed decides
/// which candidate plays which part, and the order of the rounds.
class CandidateOrder {
public:
    CandidateOrder(std::size_t candidates, std::uint64_t seed);

    /// Rounds after which the balance is complete: `candidates`, or twice that for an odd number.
    [[nodiscard]] std::size_t cycle() const { return rounds_.size(); }
    [[nodiscard]] const std::vector<std::size_t>& round(std::size_t index) const {
        return rounds_[index % rounds_.size()];
    }

private:
    std::vector<std::vector<std::size_t>> rounds_;
};

}  // namespace moe
