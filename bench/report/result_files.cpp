#include "bench/report/result_files.hpp"

#include "bench/report/columns.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

namespace moe {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kSamplesHeader =
    "run_id,case_id,combine,kind,round,us,arrival_spread_us\n";

/// Replaces a small file as a whole: a reader sees the old or the new one, never half of it.
void replace_file(const std::string& path, const std::string& text) {
    // A name of its own: hosts that share a file system may do this at the same time.
    utsname host{};
    uname(&host);
    const auto fresh = fmt::format("{}.{}-{}.new", path, std::string_view(host.nodename), getpid());
    {
        std::ofstream file(fresh);
        file << text;
        file.flush();
        if (!file) {
            const auto why = std::generic_category().message(errno);
            file.close();
            std::error_code ignored;
            fs::remove(fresh, ignored);
            throw Error(fmt::format("cannot write {}: {}", path, why));
        }
    }
    fs::rename(fresh, path);
}

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

/// One JSON file holds the provenance of all runs in a CSV, each under its run_id. Reads what is
/// there already; a BadArgument if that is something else.
json read_provenance(const ResultPaths& paths) {
    std::ifstream existing(paths.json);
    if (!existing) return {{"schema_version", kSchemaVersion}, {"runs", json::object()}};
    auto all = json::parse(existing, nullptr, /*allow_exceptions=*/false);
    if (!all.is_object() || !all.contains("runs") || !all["runs"].is_object()) {
        throw BadArgument(
            fmt::format("{} is not a provenance file of this program; put that back, "
                        "or name another file than {} '{}'",
                        paths.json, paths.option, paths.given));
    }
    return all;
}

/// What has to agree between runs whose rows are to make up one sweep: settings and launches by
/// which they were asked for, and everything that is named here.
constexpr std::array kSameMachine{"backend",      "device",    "library",       "kernel",
                                  "host_names",   "ranks",     "ranks_on_host", "cores_on_host",
                                  "git_revision", "git_dirty", "compiler",      "compiler_flags"};

/// A BadArgument if a run in the file and the one to come differ, with the first difference.
void check_same_run(const ResultPaths& paths, const json& runs, const json& now) {
    const auto refuse = [&](std::string_view what, const json& was, const json& is) {
        throw BadArgument(
            fmt::format("--resume: {} was made with {} {}, not {}; name another file for these",
                        paths.csv, what, was.dump(), is.dump()));
    };
    for (const auto& [run_id, run] : runs.items()) {
        for (const auto& [option, value] : now["settings"].items()) {
            const auto was =
                run.contains("settings") ? run["settings"].value(option, json()) : json();
            if (was != value) refuse(option, was, value);
        }
        if (run.value("launches", json()) != now["launches"]) {
            refuse("launches", run.value("launches", json()), now["launches"]);
        }
        for (const auto* key : kSameMachine) {
            if (run.value(key, json()) != now[key]) refuse(key, run.value(key, json()), now[key]);
        }
    }
}

/// A BadArgument if a run has rows, and nothing tells how they were made: then none can be added to
/// them that are known to belong to the same sweep.
void check_runs_are_known(const ResultPaths& paths, const FinishedCases& finished,
                          const json& runs) {
    for (const auto& [run_id, case_id] : finished.kept) {
        if (runs.contains(run_id)) continue;
        throw BadArgument(
            fmt::format("--resume: {} {} how run {} made its rows in {}; put that file back, or "
                        "name another than {} '{}'",
                        paths.json, fs::exists(paths.json) ? "does not tell" : "is gone, to tell",
                        run_id, paths.csv, paths.option, paths.given));
    }
}

FinishedCases find_finished(const ResultPaths& paths, const Options& options) {
    std::set<std::string> combines;
    for (const auto* entry : options.combines) combines.emplace(entry->name);
    std::ifstream rows(paths.csv);
    return read_finished_cases(rows, paths.csv, fmt::format("{}", options.launch), combines);
}

/// Command lines and environments may hold any bytes.
std::string dump(const json& value) {
    return value.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
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
    if (parts.options.resume) check_same_run(paths_, all["runs"], parts.provenance);

    make_folder_of(paths_.csv);
    make_folder_of(paths_.json);
    csv_ = std::make_unique<AppendFile>(paths_.csv, header, torn);
    if (parts.options.resume) {
        finished_ = find_finished(paths_, parts.options);
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
    all["runs"][run_id_] = parts.provenance;
    replace_file(paths_.json, dump(all));
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

void ResultFiles::append_samples(const ResultRow& row, std::string_view kind,
                                 const std::vector<double>& seconds,
                                 const std::vector<double>& arrival_spread) {
    std::string lines;
    for (std::size_t round = 0; round < seconds.size(); ++round) {
        lines += fmt::format("{},{},{},{},{},{:.3f},{:.3f}\n", row.run_id, row.case_id, row.combine,
                             kind, round, seconds[round] * 1e6, arrival_spread[round] * 1e6);
    }
    const std::scoped_lock whole(writing_);
    samples_->append(lines);
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

void write_status(const std::string& path, const RunStatus& status) {
    replace_file(path, dump(json{{"state", status.state},
                                 {"message", status.message},
                                 {"run_id", status.run_id},
                                 {"rows", status.rows},
                                 {"case_id", status.case_id},
                                 {"deaths", status.deaths}}));
}

RunStatus read_status(const std::string& path) {
    std::ifstream file(path);
    const auto left = json::parse(file, nullptr, /*allow_exceptions=*/false);
    try {
        return {left.at("state"),          left.at("message"),
                left.at("run_id"),         left.at("rows"),
                left.value("case_id", ""), left.value("deaths", std::map<std::string, int>())};
    } catch (const json::exception&) {  // somebody else's file
        return {};
    }
}

std::map<std::string, int> deaths_with(const RunStatus& left) {
    auto deaths = left.deaths;
    const bool died = left.state == "running" || left.state == "failed";
    if (died && !left.case_id.empty()) ++deaths[left.case_id];
    return deaths;
}

}  // namespace moe
