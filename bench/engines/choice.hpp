#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace moe {

/// What rules of engines ask about a step.
enum class StepFact : std::uint8_t {
    any_prefill,           ///< some DP rank is in prefill
    in_graph,              ///< it is replayed from a CUDA graph
    no_rank_idle,          ///< every DP rank has tokens
    fits_own_all_reduce,   ///< all rows together are within the engine's own all-reduce
    at_most_doubles_rows,  ///< max_len makes at most twice the rows of sum_len
    max_len,               ///< rows are padded so
    gate_open,             ///< the engine's gate is open for this topology
};

/// The facts that hold for a step, or that a rule asks for.
class StepFacts {
public:
    void set(StepFact fact, bool holds = true) { bits_[static_cast<std::size_t>(fact)] = holds; }
    [[nodiscard]] bool has(StepFact fact) const { return bits_[static_cast<std::size_t>(fact)]; }
    /// Whether all of `asked` hold.
    [[nodiscard]] bool include(const StepFacts& asked) const {
        return (bits_ & asked.bits_) == asked.bits_;
    }

private:
    std::bitset<8> bits_;
};

/// What to take where all of `when` hold.
template <class T>
struct Choice {
    T take{};
    StepFacts when{};
};

/// A rule: the first choice whose facts hold.
template <class T>
using Choices = std::vector<Choice<T>>;

/// What the rule takes for a step; null where no choice fits.
template <class T>
[[nodiscard]] const T* chosen(const Choices<T>& choices, const StepFacts& step) {
    for (const auto& choice : choices) {
        if (step.include(choice.when)) return &choice.take;
    }
    return nullptr;
}

}  // namespace moe
