#include "bench/report/result_files.hpp"

#include "bench/report/columns.hpp"
#include "bench/report/earlier_runs.hpp"
#include "bench/report/json_file.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <system_error>
#include <utility>

namespace moe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSamplesHeader =
    "run_id,case_id,combine,kind,round,us,arrival_spread_us\n";

void make_folder_of(const std::string& path) {
    const auto folder = fs::path(path).parent_path();
    if (folder.empty()) return;
    std::error_code error;
    fs::create_directories(folder, error);
    if (!fs::is_directory(folder)) {
        throw BadArgument(fmt::format("cannot make the folder {}: {}", folder.string(),
                                      error ? error.message() : "there is a file of that name"));
    }
}

FinishedCases find_finished(const ResultPaths& paths, const Options& options,
                            const std::set<std::string>& runs) {
    std::set<std::string> combines;
    for (const auto* entry : options.combines) combines.emplace(entry->name);
    std::ifstream rows(paths.csv);
    return read_finished_cases(rows, paths.csv, fmt::format("{}", options.launch), combines, runs);
}

}  // namespace

ResultFiles::ResultFiles(const Parts& parts)
    : paths_(parts.paths), run_id_(parts.run_id), writing_(parts.writing) {
    // Everything that may be refused is looked at before anything is made.
    const auto header = csv_header();
    const auto torn = parts.options.resume ? TornLine::allow : TornLine::refuse;
    paths_.check();
    AppendFile::check_header(paths_.csv, header, torn);
    AppendFile::check_header(paths_.samples, kSamplesHeader, torn);
    auto all = read_provenance(paths_);
    std::set<std::string> runs;
    if (parts.options.resume) {
        runs = runs_of_this_sweep(paths_, all["runs"], parts.provenance);
    }

    if (!paths_.trace.empty()) {
        make_folder_of(paths_.trace);
        trace_ = std::make_unique<StepTrace>(paths_.trace);
    }
    make_folder_of(paths_.csv);
    make_folder_of(paths_.json);
    csv_ = std::make_unique<AppendFile>(paths_.csv, header, torn);
    if (parts.options.resume) {
        finished_ = find_finished(paths_, parts.options, runs);
        check_runs_are_known(paths_, finished_, all["runs"]);
        samples_gone_ = !finished_.kept.empty() && !fs::exists(paths_.samples);
    }
    samples_ = std::make_unique<AppendFile>(paths_.samples, kSamplesHeader, torn);
    if (parts.options.resume) {
        std::ifstream samples(paths_.samples);
        const auto kept = bytes_of_kept_samples(samples, paths_.samples, finished_.kept);
        csv_->keep(finished_.keep_bytes);
        samples_->keep(kept);
        deaths_ = deaths_with(read_status(paths_.status));
    }
    if (trace_) trace_->begin();
    all["runs"][run_id_] = parts.provenance;
    replace_json_file(paths_.json, all);
    set_status("running", "");
}

ResultFiles::~ResultFiles() = default;

void ResultFiles::append(std::span<const ResultRow> rows) {
    std::string lines;
    for (const auto& row : rows) lines += csv_line(row);
    const std::scoped_lock whole(writing_);
    csv_->append(lines);
    rows_ += static_cast<std::int64_t>(rows.size());
}

void ResultFiles::append_samples(const ResultRow& row, std::string_view region,
                                 std::span<const double> seconds,
                                 std::span<const double> arrival_spread) {
    std::string lines;
    for (std::size_t round = 0; round < seconds.size(); ++round) {
        lines += fmt::format("{},{},{},{},{},{:.3f},{:.3f}\n", row.run_id, row.case_id, row.combine,
                             region, round, seconds[round] * 1e6, arrival_spread[round] * 1e6);
    }
    const std::scoped_lock whole(writing_);
    samples_->append(lines);
}

void ResultFiles::append_trace(std::string_view label, std::span<const TracedStep> steps) {
    if (!trace_ || steps.empty()) return;
    const std::scoped_lock whole(writing_);
    trace_->append(label, steps);
}

void ResultFiles::begin_case(const std::string& case_id) {
    const std::scoped_lock whole(writing_);
    case_id_ = case_id;
    set_status("running", "");
}

std::set<std::string> ResultFiles::deadly_cases() const {
    constexpr int kDeadly = 2;  // a first death may have had another reason
    std::set<std::string> deadly;
    for (const auto& [case_id, deaths] : deaths_) {
        if (deaths >= kDeadly) deadly.insert(case_id);
    }
    return deadly;
}

void ResultFiles::set_status(std::string_view state, std::string_view message) {
    write_status(paths_.status,
                 {std::string(state), std::string(message), run_id_, rows_, case_id_, deaths_});
}

}  // namespace moe
