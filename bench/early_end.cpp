#include "bench/early_end.hpp"

#include "bench/report/screen.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

namespace moe {
namespace {

namespace fs = std::filesystem;

std::int64_t count_rows(const ResultPaths& paths, const std::string& run_id) {
    std::ifstream csv(paths.csv);
    const auto start = fmt::format("{},{},", kSchemaVersion, run_id);
    std::int64_t rows = 0;
    for (std::string line; std::getline(csv, line);) rows += line.starts_with(start) ? 1 : 0;
    return rows;
}

void leave_word(const Ending& ending, const LastWords& last) {
    for (const auto& path : {last.paths.csv, last.paths.samples}) AppendFile::cut_torn_line(path);
    const auto rows = count_rows(last.paths, last.run_id);
    show_error(
        fmt::format("bench_moe_comm: {} rows of this run are in {}; the same command with "
                    "{} '{}' --resume goes on\n",
                    rows, last.paths.csv, last.paths.option, last.paths.given));
    write_status(last.paths.status, {ending.state, ending.message, last.run_id, rows});
}

}  // namespace

void tell_early_end(const Ending& ending, const LastWords& last) noexcept {
    try {
        if (!ending.said) {
            show_error(fmt::format("bench_moe_comm: {}, on {}\n", ending.message, last.host));
        }
        // On a host that does not see rank 0's files, the line is all that can be left.
        std::error_code unknown;
        if (!last.paths.csv.empty() && fs::exists(last.paths.csv, unknown))
            leave_word(ending, last);
    } catch (const std::exception& error) {
        show_error(fmt::format("bench_moe_comm: no status either: {}\n", error.what()));
    }
}

}  // namespace moe
