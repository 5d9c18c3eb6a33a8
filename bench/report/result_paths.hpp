#pragma once

#include <string>

namespace moe {

/// Where the files of a run go: DIR/results.csv, .json, .samples.csv, status.json and
/// auto_table.json with --out DIR; FILE, and the others beside it under its name, with --csv FILE.
struct ResultPaths {
    std::string csv, json, samples, status;
    std::string auto_table;     ///< written where a strategy chooses by a table
    std::string option, given;  ///< --out or --csv, and its value: how to name them again
    std::string trace{};        ///< --trace; empty: none is written
    [[nodiscard]] static ResultPaths of(const std::string& out, const std::string& csv,
                                        const std::string& default_out);

    /// A folder beside the rows, where charts of them may go.
    [[nodiscard]] std::string charts() const;
    /// Refuses, with a BadArgument, what would lose rows: two of them that are one file, by
    /// whatever links and spellings, and what is there but no regular file. Makes nothing.
    void check() const;
};

}  // namespace moe
