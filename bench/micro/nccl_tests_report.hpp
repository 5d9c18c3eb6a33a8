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

/// The table and the JSON of nccl-tests (NVIDIA/nccl-tests, src/util.cu at
/// 0fdb00a3f4339efc1176771a9c97db5438bd3f7f, version 2 of its JSON): a table for each collective,
/// whose name is `experiment_name` in the JSON. What was not checked, and what is in place, which
/// is not timed, is N/A, in the JSON null.
class NcclTestsReport final : public benchmark::BenchmarkReporter {
public:
    /// Collective. A BadArgument, on all ranks, where options.json cannot be made; only rank 0
    /// writes.
    NcclTestsReport(const CollectiveOptions& options, const Backend& backend, Bootstrap& bootstrap,
                    std::vector<std::string> command_line);

    bool ReportContext(const Context& context) override;
    void ReportRuns(const std::vector<Run>& runs) override;
    void Finalize() override;

private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    void begin_table(const std::string& name);
    void end_table();

    std::int64_t size_;            ///< ranks
    std::string title_;            ///< backend, device, libraries
    nlohmann::ordered_json head_;  ///< of the JSON, up to and with `config`
    std::unique_ptr<std::FILE, Close> file_;
    nlohmann::ordered_json results_ = nlohmann::ordered_json::array();
    int out_of_bounds_{};             ///< rows with wrong elements
    std::string table_;               ///< the collective of the rows that are printed
    std::vector<double> bandwidths_;  ///< busbw of its rows, and of all, in GB/s
    std::vector<double> all_bandwidths_;
};

}  // namespace moe
