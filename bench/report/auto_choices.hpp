#pragma once

#include "bench/report/result_row.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace moe {

/// How good the choices by a table were: what the strategy that chooses took, against the fastest
/// of all other forms of reduce_scatter in the same case. The table was measured before, so that
/// none was chosen by the samples that it is judged on.
class AutoChoices {
public:
    /// The rows of one case.
    void add(std::span<const ResultRow> rows);
    /// One line; empty where nothing was chosen, or no case says anything about speed.
    [[nodiscard]] std::string text() const;

private:
    /// Of one region.
    struct Tally {
        std::size_t cases{}, near{};
        double worst{-1};  ///< share of the best one's time that was lost
        std::string of_worst;
        void add(const ResultRow& chosen, std::span<const ResultRow> rows,
                 std::optional<Timing> ResultRow::*region);
    };
    std::string strategy_;
    Tally combine_, output_;
};

}  // namespace moe
