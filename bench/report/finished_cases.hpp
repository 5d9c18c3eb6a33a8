#pragma once

#include <cstddef>
#include <istream>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moe {

/// The cells of one line of CSV as RFC 4180 has it, without its newline.
[[nodiscard]] std::vector<std::string> csv_cells(std::string_view line);

/// What a results file that a run left behind holds of one launch.
struct FinishedCases {
    std::set<std::string> case_ids;  ///< of cases that have a row for every strategy asked for
    int wrong{};                     ///< rows among them whose result was wrong
    /// A run that died between two rows of a case leaves the first ones: where they begin, at the
    /// end of the file if there are none.
    std::size_t keep_bytes{};
    /// run_id and case_id of all rows before that.
    std::set<std::pair<std::string, std::string>> kept;
};

/// Reads whole lines, the header first; a last line without an end is none. A BadArgument that
/// names the line of `path` where it is not as this program writes it: a blank one, one that ends
/// with CR LF, one with too many or too few cells, or rows after an unfinished case, since then it
/// was not a run that died last. Only rows of `runs` finish a case: other sweeps may stand in the
/// same file, whole.
[[nodiscard]] FinishedCases read_finished_cases(std::istream& csv, const std::string& path,
                                                const std::string& launch,
                                                const std::set<std::string>& combines,
                                                const std::set<std::string>& runs);

/// Samples are written before the rows that they belong to: where those begin that have no row
/// among `kept`. A BadArgument as above.
[[nodiscard]] std::size_t bytes_of_kept_samples(
    std::istream& samples, const std::string& path,
    const std::set<std::pair<std::string, std::string>>& kept);

}  // namespace moe
