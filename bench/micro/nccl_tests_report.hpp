#pragma once

#include "bench/micro/collective_options.hpp"
#include "comm/backend.hpp"
#include "comm/bootstrap.hpp"

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace moe {

/// What a report of nccl-tests says before its rows.
struct NcclTestsJob {
    std::string title;               ///< backend, device, libraries
    std::vector<std::string> ranks;  ///< a line for each
    nlohmann::ordered_json head;     ///< of the JSON, up to and with `config`
    std::int64_t size{};             ///< number of ranks
};

/// Collective. Of this run.
[[nodiscard]] NcclTestsJob nccl_tests_job(const CollectiveOptions& options, const Backend& backend,
                                          Bootstrap& bootstrap,
                                          const std::vector<std::string>& command_line);

/// The table and the JSON of nccl-tests (NVIDIA/nccl-tests, src/util.cu at
/// 0fdb00a3f4339efc1176771a9c97db5438bd3f7f, version 2 of its JSON): a table for each collective,
/// whose name is `experiment_name` in the JSON. Results are not checked here, and nothing is timed
/// in place: N/A, in the JSON null.
class NcclTestsReport final : public benchmark::BenchmarkReporter {
public:
    /// `json`: empty for none. On ranks that do not report, nothing is written.
    NcclTestsReport(NcclTestsJob job, const std::string& json, Bootstrap& bootstrap);

    bool ReportContext(const Context& context) override;
    void ReportRuns(const std::vector<Run>& runs) override;
    void Finalize() override;

private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    void begin_table(const std::string& name);
    void end_table();

    NcclTestsJob job_;
    std::unique_ptr<std::FILE, Close> file_;
    nlohmann::ordered_json results_ = nlohmann::ordered_json::array();
    std::string table_;               ///< the collective of the rows that are printed
    std::vector<double> bandwidths_;  ///< busbw of its rows, and of all, in GB/s
    std::vector<double> all_bandwidths_;
};

}  // namespace moe
