#pragma once

#include "bench/report/result_row.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace moe {

/// What a sweep found, in a few lines: for each model, type of rows and mode in how many cases
/// which strategy has the fastest output step, and by how much against the baseline.
class Summary {
public:
    /// The rows of one case, the baseline among them.
    void add(std::span<const ResultRow> rows);
    /// No more than ten lines; nothing where no case had a time.
    [[nodiscard]] std::string text() const;

private:
    struct Wins {
        std::size_t cases{};
        double least{}, most{};  ///< speed-up of the output step
    };
    struct Group {
        std::string name;
        std::size_t cases{};  ///< with a time
        std::map<std::string, Wins> wins;
        std::size_t of_baseline{}, not_resolved{}, disturbed{};
        std::optional<NoVerdict> no_verdict;  ///< of the first such case, disturbed ones apart
    };
    [[nodiscard]] Group& group_of(const ResultRow& row);
    [[nodiscard]] static std::string line_of(const Group& group);

    std::vector<Group> groups_;
    std::string baseline_;
};

}  // namespace moe
