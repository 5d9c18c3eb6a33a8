#include "bench/report/finished_cases.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

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

/// The whole lines of a file, one after the other.
class Lines {
public:
    Lines(std::istream& file, const std::string& path) : file_(file), path_(path) {}

    /// Goes to the next line. False where there is none, or half of one that a killed writer left.
    [[nodiscard]] bool next() {
        if (!std::getline(file_, text_) || file_.eof()) return false;
        ++number_;
        end_ += text_.size() + 1;
        if (text_.empty()) refuse("it is blank");
        if (text_.back() == '\r') {
            refuse("it ends with CR LF, as spreadsheets and Windows editors save it, not with LF");
        }
        return true;
    }
    [[nodiscard]] const std::string& text() const { return text_; }
    /// Bytes from the beginning of the file to the end of this line.
    [[nodiscard]] std::size_t end() const { return end_; }

    [[noreturn]] void refuse(std::string_view why) const {
        throw BadArgument(fmt::format("{}, line {}: {}; mend that line, or name another file",
                                      path_, number_, why));
    }

private:
    std::istream& file_;
    const std::string& path_;
    std::string text_;
    std::size_t number_{};
    std::size_t end_{};
};

/// Strategies that a case has no row of.
std::vector<std::string> missing_from(const std::set<std::string>& seen,
                                      const std::set<std::string>& wanted) {
    std::vector<std::string> missing;
    std::set_difference(wanted.begin(), wanted.end(), seen.begin(), seen.end(),
                        std::back_inserter(missing));
    return missing;
}

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

FinishedCases read_finished_cases(std::istream& csv, const std::string& path,
                                  const std::string& launch, const std::set<std::string>& combines,
                                  const std::set<std::string>& runs) {
    FinishedCases finished;
    Lines lines(csv, path);
    if (!lines.next()) return finished;
    const Columns at(csv_cells(lines.text()));
    finished.keep_bytes = lines.end();

    // Rows of one run and case follow each other.
    std::pair<std::string, std::string> current;
    std::set<std::string> seen;
    std::vector<std::string> missing;
    int wrong = 0;
    while (lines.next()) {
        const auto cells = csv_cells(lines.text());
        if (cells.size() != at.count) {
            lines.refuse(fmt::format("it has {} cells, and the header {}", cells.size(), at.count));
        }
        const std::pair key(cells[at.run_id], cells[at.case_id]);
        if (key != current) {
            if (!missing.empty()) {
                lines.refuse(
                    fmt::format("rows of case {} begin, and case {} before it has none of {}",
                                key.second, current.second, fmt::join(missing, ", ")));
            }
            current = key;
            seen.clear();
            wrong = 0;
        }
        seen.insert(cells[at.combine]);
        wrong += cells[at.verified] == "false" ? 1 : 0;
        const bool ours = runs.contains(key.first);
        if (ours) missing = missing_from(seen, combines);
        if (!missing.empty()) continue;
        finished.keep_bytes = lines.end();
        finished.kept.insert(key);
        if (!ours || cells[at.launch] != launch) continue;
        if (finished.case_ids.insert(cells[at.case_id]).second) finished.wrong += wrong;
    }
    return finished;
}

std::size_t bytes_of_kept_samples(std::istream& samples, const std::string& path,
                                  const std::set<std::pair<std::string, std::string>>& kept) {
    Lines lines(samples, path);
    if (!lines.next()) return 0;
    std::size_t keep = lines.end();
    while (lines.next()) {
        const auto& line = lines.text();
        const auto first = line.find(',');
        const auto second = line.find(',', first + 1);
        if (second == std::string::npos) lines.refuse("it names no case");
        if (kept.contains({line.substr(0, first), line.substr(first + 1, second - first - 1)})) {
            keep = lines.end();
        }
    }
    return keep;
}

}  // namespace moe
