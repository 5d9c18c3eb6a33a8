#pragma once

#include "bench/report/append_file.hpp"
#include "bench/report/result_row.hpp"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace moe {

/// Where the files of a run go: DIR/results.csv, .json, .samples.csv and status.json with --out
/// DIR; FILE, and the others beside it under its name, with --csv FILE.
struct ResultPaths {
    std::string csv, json, samples, status;
    [[nodiscard]] static ResultPaths of(const std::string& out, const std::string& csv,
                                        const std::string& default_out);
};

/// All that a run writes, by rank 0. Opened before anything is measured, so that a folder that
/// cannot be written is a BadArgument and costs nobody an hour.
class ResultFiles {
public:
    ResultFiles(ResultPaths paths, std::string run_id, const nlohmann::json& provenance);
    ~ResultFiles();
    ResultFiles(const ResultFiles&) = delete;
    ResultFiles& operator=(const ResultFiles&) = delete;

    [[nodiscard]] const ResultPaths& paths() const { return paths_; }
    [[nodiscard]] const std::string& run_id() const { return run_id_; }
    void append(const ResultRow& row);
    /// One line for each sample: `kind` is layer, output or combine; times in seconds.
    void append_samples(const ResultRow& row, std::string_view kind,
                        const std::vector<double>& seconds,
                        const std::vector<double>& arrival_spread);
    /// What became of the run: "running", "complete", "wrong_result" or "failed".
    void set_status(std::string_view state, std::string_view message);

private:
    ResultPaths paths_;
    std::string run_id_;
    std::unique_ptr<AppendFile> csv_;
    std::unique_ptr<AppendFile> samples_;
    std::int64_t rows_{};
};

}  // namespace moe
