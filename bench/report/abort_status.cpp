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

/// How long a secondary failure waits for the report of a primary one on another host. mpirun kills
/// after a second.
constexpr std::chrono::milliseconds kPrimaryFirst{200};

std::int64_t count_rows(const ResultPaths& paths, const std::string& run_id) {
    std::ifstream csv(paths.csv);
    const auto start = fmt::format("{},{},", kSchemaVersion, run_id);
    std::int64_t rows = 0;
    for (std::string line; std::getline(csv, line);) rows += line.starts_with(start) ? 1 : 0;
    return rows;
}

/// States of status.json by how much they say of a run's end, least first.
enum class ReportedState : std::uint8_t {
    not_ours,
    nothing,
    interrupted,
    timed_out,
    failed,
    finished
};

ReportedState reported_state(std::string_view state) {
    constexpr std::array<std::pair<std::string_view, ReportedState>, 5> kStates{
        {{"", ReportedState::not_ours},  // this host does not see rank 0's files
         {"running", ReportedState::nothing},
         {"interrupted", ReportedState::interrupted},
         {"timed_out", ReportedState::timed_out},
         {"failed", ReportedState::failed}}};
    const auto* const found = std::find_if(kStates.begin(), kStates.end(),
                                           [&](const auto& entry) { return entry.first == state; });
    return found == kStates.end() ? ReportedState::finished : found->second;
}

/// Points to hosts that this rank does not watch, where no rank that it watches is at fault.
std::string_view hint_at_others(ReportedState mine) {
    return mine == ReportedState::interrupted
               ? "; if a rank of another host or container died, the launcher names it"
           : mine == ReportedState::timed_out
               ? "; what it waits for may be on another host or in another container"
               : "";
}

void write_abort_status(const AbortReason& reason, const ReportTarget& target, bool first) {
    if (first) {
        for (const auto& path : {target.paths.csv, target.paths.samples})
            AppendFile::cut_torn_line(path);
    }
    const auto rows = count_rows(target.paths, target.run_id);
    if (first) {
        show_error(
            fmt::format("bench_moe_comm: {} rows of this run are in {}; the same command with "
                        "{} '{}' --resume goes on\n",
                        rows, target.paths.csv, target.paths.option, target.paths.given));
    }
    auto status = read_status(target.paths.status);
    status.state = reason.state;
    status.message = reason.message;
    status.rows = rows;
    write_status(target.paths.status, status);
}

}  // namespace

void report_abort(AbortReason reason, const ReportTarget& target) noexcept {
    try {
        const auto mine = reported_state(reason.state);
        if (reason.is_secondary && target.unseen_ranks) {
            std::this_thread::sleep_for(kPrimaryFirst);
            reason.message += hint_at_others(mine);
        }
        const auto status = read_status(target.paths.status);
        const auto others = reported_state(status.run_id == target.run_id ? status.state : "");
        if (reason.is_secondary && others > ReportedState::nothing) return;
        if (!reason.printed) {
            show_error(fmt::format("bench_moe_comm: {}, on {}\n", reason.message, target.host));
        }
        // Where rank 0's files are not visible, the line is the whole report.
        if (others != ReportedState::not_ours && others < mine) {
            write_abort_status(reason, target, others == ReportedState::nothing);
        }
    } catch (const std::exception& error) {
        show_error(fmt::format("bench_moe_comm: no status either: {}\n", error.what()));
    }
}

}  // namespace moe
