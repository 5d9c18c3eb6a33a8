#pragma once

#include "bench/sweep/case.hpp"
#include "bench/sweep/option_entry.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// Where a field is in the hashed text of a case, and since when. Published rows are found again by
/// their id, so a number is never given anew: a new axis has the next one, and is left out at its
/// default, so that the ids of all cases from before it stay.
struct IdPlace {
    int number{};
    bool at_default{};  ///< hashed at its default too, as the first fields are
};

/// One field of a case: what the option, the results and people call it, and how the sweep varies
/// it. Options, cases, ids, labels and weights keys all follow the list of these.
struct Axis {
    std::string_view column;
    OptionEntry option;
    IdPlace id;
    bool of_weights{};                   ///< cases that differ in it share no weights
    std::string (*text)(const Case&){};  ///< the value as results show it
    /// What of the id's text is the axis's. Null: the usual line with column and value.
    std::string (*hashed)(const Case&){};
    /// The value for people, in a few words; empty where it goes without saying.
    std::string (*label)(const Case&){};
    /// Appends the case once for each value that it takes on this axis. Null: the model says it.
    void (*spread)(const Case&, const Options&, std::vector<Case>& cases){};
    /// How many values there are, for each case alike. Null: one, or counted by count_steps().
    std::size_t (*count)(const Options&){};
};

/// A field in the hashed text of a case.
[[nodiscard]] inline std::string hashed_line(std::string_view column, std::string_view text) {
    return fmt::format("\n{}={}", column, text);
}

/// All axes, the one that varies slowest first.
[[nodiscard]] std::span<const Axis> axes();

}  // namespace moe
