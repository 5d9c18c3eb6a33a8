#include "bench/result_files.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <utility>

namespace moe {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kSamplesHeader =
    "run_id,case_id,combine,kind,round,us,arrival_spread_us\n";

/// Replaces a small file as a whole: a reader sees the old or the new one, never half of it.
void replace_file(const std::string& path, const std::string& text) {
    const auto fresh = path + ".new";
    {
        std::ofstream file(fresh);
        file << text;
        file.flush();
        if (!file) {
            file.close();
            std::error_code ignored;
            fs::remove(fresh, ignored);
            throw Error(fmt::format("cannot write {}", path));
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
json read_provenance(const std::string& path) {
    std::ifstream existing(path);
    if (!existing) return {{"schema_version", kSchemaVersion}, {"runs", json::object()}};
    auto all = json::parse(existing, nullptr, /*allow_exceptions=*/false);
    if (!all.is_object() || !all.contains("runs") || !all["runs"].is_object()) {
        throw BadArgument(fmt::format("{} is not a provenance file of this program", path));
    }
    return all;
}

/// Command lines and environments may hold any bytes.
std::string dump(const json& value) {
    return value.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace

ResultPaths ResultPaths::of(const std::string& out, const std::string& csv,
                            const std::string& default_out) {
    const fs::path folder = out.empty() ? fs::path(default_out) : fs::path(out);
    const fs::path file = csv.empty() ? folder / "results.csv" : fs::path(csv);
    // --csv alone keeps everything beside the file; with --out, only the CSV goes elsewhere.
    const fs::path base =
        csv.empty() || !out.empty() ? folder / "results" : fs::path(file).replace_extension();
    const auto with = [&](const char* suffix) { return base.string() + suffix; };
    const auto status =
        csv.empty() || !out.empty() ? (folder / "status.json").string() : with(".status.json");
    return {file.string(), with(".json"), with(".samples.csv"), status};
}

ResultFiles::ResultFiles(ResultPaths paths, std::string run_id, const json& provenance)
    : paths_(std::move(paths)), run_id_(std::move(run_id)) {
    // Everything that may be refused is looked at before anything is made.
    const auto header = csv_header(ResultRow{}.record());
    if (paths_.csv == paths_.json) {
        throw BadArgument(fmt::format("--csv {}: the provenance goes to that name", paths_.csv));
    }
    AppendFile::check_header(paths_.csv, header);
    AppendFile::check_header(paths_.samples, kSamplesHeader);
    auto all = read_provenance(paths_.json);
    all["runs"][run_id_] = provenance;

    make_folder_of(paths_.csv);
    make_folder_of(paths_.json);
    csv_ = std::make_unique<AppendFile>(paths_.csv, header);
    samples_ = std::make_unique<AppendFile>(paths_.samples, kSamplesHeader);
    replace_file(paths_.json, dump(all));
    set_status("running", "");
}

ResultFiles::~ResultFiles() = default;

void ResultFiles::append(const ResultRow& row) {
    csv_->append(csv_line(row.record()));
    ++rows_;
}

void ResultFiles::append_samples(const ResultRow& row, std::string_view kind,
                                 const std::vector<double>& seconds,
                                 const std::vector<double>& arrival_spread) {
    std::string lines;
    for (std::size_t round = 0; round < seconds.size(); ++round) {
        lines += fmt::format("{},{},{},{},{},{:.3f},{:.3f}\n", row.run_id, row.case_id, row.combine,
                             kind, round, seconds[round] * 1e6, arrival_spread[round] * 1e6);
    }
    samples_->append(lines);
}

void ResultFiles::set_status(std::string_view state, std::string_view message) {
    const json status{{"state", state}, {"message", message}, {"run_id", run_id_}, {"rows", rows_}};
    replace_file(paths_.status, dump(status));
}

}  // namespace moe
