#pragma once

#include "bench/report/append_file.hpp"
#include "bench/report/finished_cases.hpp"
#include "bench/report/result_paths.hpp"
#include "bench/report/result_row.hpp"
#include "bench/report/run_status.hpp"
#include "bench/report/step_trace.hpp"
#include "bench/sweep/options.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// All that a run writes, by rank 0. Opened before anything is measured, so that a folder that
/// cannot be written is a BadArgument before time is spent.
class ResultFiles {
public:
    struct Parts {
        ResultPaths paths;
        std::string run_id;
        const nlohmann::json& provenance;
        const Options& options;
        std::timed_mutex& writing;  ///< held while a file is written
    };
    /// With --resume the file may end in the middle of a case, which is cut off; a BadArgument if
    /// it was made with other settings or on another machine, or its provenance is missing, and
    /// nothing has been touched then.
    explicit ResultFiles(const Parts& parts);
    ~ResultFiles();
    ResultFiles(const ResultFiles&) = delete;
    ResultFiles& operator=(const ResultFiles&) = delete;

    [[nodiscard]] const ResultPaths& paths() const { return paths_; }
    [[nodiscard]] const std::string& run_id() const { return run_id_; }
    /// What an earlier run left done, with --resume.
    [[nodiscard]] const FinishedCases& finished() const { return finished_; }
    /// Ids of the cases in which two earlier runs died, with --resume.
    [[nodiscard]] std::set<std::string> deadly_cases() const;

    /// From here to end_case(), status.json says that this case is in work, whatever kills the run.
    void begin_case(const std::string& case_id);
    void end_case() { begin_case(""); }
    /// Whether rows are there already whose samples are not.
    [[nodiscard]] bool samples_gone() const { return samples_gone_; }

    /// The rows of one case, which come into the file together.
    void append(std::span<const ResultRow> rows);
    /// One line for each sample: `region` is layer, output or combine, or a kind of sample that
    /// results/README.md names; times in seconds.
    void append_samples(const ResultRow& row, std::string_view region,
                        std::span<const double> seconds, std::span<const double> arrival_spread);
    /// Marked steps of one case, where a trace is asked for.
    void append_trace(std::string_view label, std::span<const TracedStep> steps);
    void set_status(std::string_view state, std::string_view message);

private:
    ResultPaths paths_;
    std::string run_id_;
    std::timed_mutex& writing_;
    std::unique_ptr<AppendFile> csv_;
    std::unique_ptr<AppendFile> samples_;
    std::unique_ptr<StepTrace> trace_;
    FinishedCases finished_;
    bool samples_gone_{};
    std::int64_t rows_{};
    std::string case_id_;  ///< in work
    std::map<std::string, int> deaths_;
};

}  // namespace moe
