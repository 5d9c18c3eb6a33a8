#include "bench/report/finished_cases.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moe {
namespace {

/// Where the cells are that say which row it is.
struct Columns {
    explicit Columns(const std::vector<std::string>& header)
        : run_id(find(header, "run_id")),
          launch(find(header, "launch")),
          case_id(find(header, "case_id")),
          combine(find(header, "combine")),
          verified(find(header, "verified")),
          count(header.size()) {}

    std::size_t run_id, launch, case_id, combine, verified, count;

private:
    static std::size_t find(const std::vector<std::string>& header, std::string_view name) {
        const auto at = std::find(header.begin(), header.end(), name);
        MOE_EXPECT(at != header.end(), fmt::format("no column {}", name));
        return static_cast<std::size_t>(at - header.begin());
    }
};

}  // namespace

std::vector<std::string> csv_cells(std::string_view line) {
    std::vector<std::string> cells{""};
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
            cells.back() += line[++i];
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            cells.emplace_back();
        } else {
            cells.back() += c;
        }
    }
    return cells;
}

FinishedCases read_finished_cases(std::istream& csv, const std::string& launch,
                                  const std::set<std::string>& combines) {
    FinishedCases finished;
    std::string line;
    if (!std::getline(csv, line)) return finished;
    const Columns at(csv_cells(line));
    std::size_t offset = line.size() + 1;
    finished.keep_bytes = offset;

    // Rows of one run and case follow each other.
    std::pair<std::string, std::string> current;
    std::set<std::string> seen;
    int wrong = 0;
    bool whole = true;
    while (std::getline(csv, line)) {
        const auto cells = csv_cells(line);
        MOE_EXPECT(cells.size() == at.count, "a row with another number of cells than the header");
        const std::pair key(cells[at.run_id], cells[at.case_id]);
        if (key != current) {
            MOE_EXPECT(whole,
                       fmt::format("the rows of case {} are not all there, and others follow",
                                   current.second));
            current = key;
            seen.clear();
            wrong = 0;
        }
        offset += line.size() + 1;
        seen.insert(cells[at.combine]);
        wrong += cells[at.verified] == "false" ? 1 : 0;
        whole = std::includes(seen.begin(), seen.end(), combines.begin(), combines.end());
        if (!whole) continue;
        finished.keep_bytes = offset;
        finished.kept.insert(key);
        if (cells[at.launch] != launch) continue;
        if (finished.case_ids.insert(cells[at.case_id]).second) finished.wrong += wrong;
    }
    return finished;
}

std::size_t bytes_of_kept_samples(std::istream& samples,
                                  const std::set<std::pair<std::string, std::string>>& kept) {
    std::string line;
    if (!std::getline(samples, line)) return 0;
    std::size_t offset = line.size() + 1;
    std::size_t keep = offset;
    while (std::getline(samples, line)) {
        offset += line.size() + 1;
        const auto first = line.find(',');
        const auto second = line.find(',', first + 1);
        MOE_EXPECT(second != std::string::npos, "a line of samples without a case");
        if (kept.contains({line.substr(0, first), line.substr(first + 1, second - first - 1)})) {
            keep = offset;
        }
    }
    return keep;
}

}  // namespace moe
