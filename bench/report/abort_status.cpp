#include "bench/report/abort_status.hpp"

#include "bench/report/screen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <string_view>
#include <thread>
#include <utility>

namespace moe {
namespace {

/// For a host that does not know who is at fault: within this time one that does has told. mpirun
/// kills after a second.
constexpr std::chrono::milliseconds kOthersFirst{200};

std::int64_t count_rows(const ResultPaths& paths, const std::string& run_id) {
    std::ifstream csv(paths.csv);
    const auto start = fmt::format("{},{},", kSchemaVersion, run_id);
    std::int64_t rows = 0;
    for (std::string line; std::getline(csv, line);) rows += line.starts_with(start) ? 1 : 0;
    return rows;
}

/// How much a state of status.json says of a run's end.
enum class Told : std::uint8_t { not_ours, nothing, interrupted, timed_out, failed, finished };

Told told_by(std::string_view state) {
    constexpr std::array<std::pair<std::string_view, Told>, 5> kStates{
        {{"", Told::not_ours},  // this host does not see rank 0's files
         {"running", Told::nothing},
         {"interrupted", Told::interrupted},
         {"timed_out", Told::timed_out},
         {"failed", Told::failed}}};
    const auto* const found = std::find_if(kStates.begin(), kStates.end(),
                                           [&](const auto& one) { return one.first == state; });
    return found == kStates.end() ? Told::finished : found->second;
}

/// What a rank says of those that it does not see, where none that it sees is at fault.
std::string_view hint_at_others(Told mine) {
    return mine == Told::interrupted
               ? "; if a rank of another host or container died, the launcher names it"
           : mine == Told::timed_out
               ? "; what it waits for may be on another host or in another container"
               : "";
}

void leave_word(const Ending& ending, const LastWords& last, bool first) {
    if (first) {
        for (const auto& path : {last.paths.csv, last.paths.samples})
            AppendFile::cut_torn_line(path);
    }
    const auto rows = count_rows(last.paths, last.run_id);
    if (first) {
        show_error(
            fmt::format("bench_moe_comm: {} rows of this run are in {}; the same command with "
                        "{} '{}' --resume goes on\n",
                        rows, last.paths.csv, last.paths.option, last.paths.given));
    }
    auto status = read_status(last.paths.status);
    status.state = ending.state;
    status.message = ending.message;
    status.rows = rows;
    write_status(last.paths.status, status);
}

}  // namespace

void tell_early_end(Ending ending, const LastWords& last) noexcept {
    try {
        const auto mine = told_by(ending.state);
        if (ending.suffers && last.unseen_ranks) {
            std::this_thread::sleep_for(kOthersFirst);
            ending.message += hint_at_others(mine);
        }
        const auto status = read_status(last.paths.status);
        const auto others = told_by(status.run_id == last.run_id ? status.state : "");
        if (ending.suffers && others > Told::nothing) return;
        if (!ending.said) {
            show_error(fmt::format("bench_moe_comm: {}, on {}\n", ending.message, last.host));
        }
        // Where rank 0's files are not seen, the line is all that can be left.
        if (others != Told::not_ours && others < mine) {
            leave_word(ending, last, others == Told::nothing);
        }
    } catch (const std::exception& error) {
        show_error(fmt::format("bench_moe_comm: no status either: {}\n", error.what()));
    }
}

}  // namespace moe
