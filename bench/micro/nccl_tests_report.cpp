#include "bench/micro/nccl_tests_report.hpp"

#include "bench/micro/collective_check.hpp"
#include "bench/micro/collectives.hpp"
#include "comm/named_table.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <numeric>
#include <system_error>
#include <utility>

namespace moe {
namespace {

using nlohmann::ordered_json;

constexpr int kJsonVersion = 2;
constexpr const char* kTypeName = "bfloat16";
constexpr int kNoRoot = -1;

std::string now() {
    const auto time = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(time));
}

/// NCCL_VERSION_CODE of "2.28.3"; null for other libraries.
ordered_json version_code(const std::string& version) {
    std::array<int, 3> parts{};
    const char* at = version.data();
    for (auto& part : parts) {
        const auto [end, error] = std::from_chars(at, version.data() + version.size(), part);
        if (error != std::errc()) return nullptr;
        at = end + 1;
    }
    return parts[0] * 10000 + parts[1] * 100 + parts[2];
}

ordered_json config_of(const CollectiveOptions& options) {
    return {{"nthreads", 1},
            {"ngpus", 1},
            {"minimum_bytes", options.smallest},
            {"maximum_bytes", options.largest},
            {"step_factor", options.factor},
            {"warmup_iters", kWarmUps},
            {"iterations", kCallsInARow},
            {"aggregated_iterations", 1},
            {"validation", options.check},
            {"graph", 0},
            {"blocking_collectives", "false"},
            {"parallel_init", "false"}};
}

/// Collective. What each rank runs on; which of its host's devices that is, is not known here.
ordered_json devices_of(const Backend& backend, Bootstrap& bootstrap) {
    auto devices = ordered_json::array();
    const auto pids = bootstrap.all_gather_strings(fmt::format("{}", getpid()));
    const auto names = bootstrap.all_gather_strings(backend.device->name());
    for (std::size_t rank = 0; rank < pids.size(); ++rank) {
        devices.push_back({{"rank", rank},
                           {"group", 0},
                           {"pid", std::atoi(pids[rank].c_str())},
                           {"hostname", bootstrap.host_names()[rank]},
                           {"device", nullptr},
                           {"device_hex", nullptr},
                           {"device_info", names[rank]}});
    }
    return devices;
}

double mean(const std::vector<double>& values) {
    return values.empty() ? 0
                          : std::accumulate(values.begin(), values.end(), 0.0) /
                                static_cast<double>(values.size());
}

/// Seven or six characters, with as many decimals as there is room for.
std::string fitted(double value, int width) {
    const auto whole = static_cast<int>(fmt::format("{:.0f}", value).size());
    const int decimals = whole < width - 2 ? 2 : whole < width - 1 ? 1 : 0;
    return fmt::format("{:>{}.{}f}", value, width, decimals);
}

}  // namespace

NcclTestsReport::NcclTestsReport(const CollectiveOptions& options, const Backend& backend,
                                 Bootstrap& bootstrap, std::vector<std::string> command_line)
    : size_(backend.world->size()),
      title_(fmt::format("{} backend on {}, {}", backend.name, backend.device->name(),
                         backend.libraries.substr(0, backend.libraries.find('\n')))),
      head_{{"version", kJsonVersion},
            {"start_time", now()},
            {"args", std::move(command_line)},
            {"env", ordered_json::array()},
            {"nccl_version", version_code(backend.nccl_version)},
            {"config", config_of(options)}} {
    head_["config"]["devices"] = devices_of(backend, bootstrap);
    std::string failure;
    if (bootstrap.rank() == 0 && !options.json.empty()) {
        file_.reset(std::fopen(options.json.c_str(), "wxe"));
        if (!file_) {
            failure = fmt::format("-J {}: cannot make it: {}", options.json,
                                  std::generic_category().message(errno));
        }
    }
    failure = bootstrap.first_nonempty(failure);
    if (!failure.empty()) throw BadArgument(failure);
}

bool NcclTestsReport::ReportContext(const Context& /*context*/) {
    fmt::print("# bench_collectives in the columns of nccl-tests: {}\n# Using devices\n", title_);
    for (const auto& device : head_["config"]["devices"]) {
        fmt::print("#  Rank {:2} Group {:2} Pid {:6} on {:>10} device {}\n",
                   device["rank"].get<int>(), device["group"].get<int>(), device["pid"].get<int>(),
                   device["hostname"].get<std::string>(), device["device_info"].get<std::string>());
    }
    return true;
}

void NcclTestsReport::begin_table(const std::string& name) {
    table_ = name;
    constexpr auto kLine =
        "# {:>10}  {:>12}  {:>8}  {:>6}  {:>6}  {:>7}  {:>6}  {:>6}  {:>6}  {:>7}  {:>6}  {:>6}  "
        "{:>6}\n";
    fmt::print("#\n# Collective test starting: {}\n#\n", name);
    fmt::print("#{:59}out-of-place{:23}in-place\n", "", "");
    fmt::print(kLine, "size", "count", "type", "redop", "root", "time", "algbw", "busbw", "#wrong",
               "time", "algbw", "busbw", "#wrong");
    fmt::print(kLine, "(B)", "(elements)", "", "", "", "(us)", "(GB/s)", "(GB/s)", "", "(us)",
               "(GB/s)", "(GB/s)", "");
}

void NcclTestsReport::end_table() {
    fmt::print("# Out of bounds values : {} {}\n", out_of_bounds_,
               out_of_bounds_ == 0 ? "OK" : "FAILED");
    fmt::print("# Avg bus bandwidth    : {:g}\n#\n# Collective test concluded: {}\n",
               mean(bandwidths_), table_);
    std::fflush(stdout);
    bandwidths_.clear();
    all_out_of_bounds_ += std::exchange(out_of_bounds_, 0);
}

void NcclTestsReport::ReportRuns(const std::vector<Run>& runs) {
    for (const auto& run : runs) {
        if (run.run_type != Run::RT_Iteration) continue;
        const auto& name = run.run_name.function_name;
        const auto& collective =
            find_named(collectives(), name.substr(0, name.find('/')), "collective");
        const auto matrix = matrix_of(std::atoll(run.run_name.args.c_str()), size_);
        const bool whole = collective.kind == CollectiveKind::all_reduce;
        const auto count = whole ? matrix.elements() : matrix.elements() / size_;
        const char* op = collective.kind == CollectiveKind::all_gather ? "none" : "sum";
        const double us = run.GetAdjustedRealTime();
        const double algbw = static_cast<double>(matrix.bytes()) * 1e-3 / us;
        const double busbw = algbw * collective.bus_factor(static_cast<double>(size_));
        const auto checked = run.counters.find(kWrong);
        ordered_json wrong;  // null: not checked
        if (checked != run.counters.end()) {
            wrong = checked->second.value;
        }
        if (name != table_) {
            if (!table_.empty()) end_table();
            begin_table(name);
        }
        fmt::print(
            "{:>12}  {:>12}  {:>8}  {:>6}  {:>6}  {}  {}  {}  {:>6}  {:>7}  {:>6}  {:>6}  "
            "{:>6}\n",
            matrix.bytes(), count, kTypeName, op, kNoRoot, fitted(us, 7), fitted(algbw, 6),
            fitted(busbw, 6), wrong.is_null() ? "N/A" : fmt::format("{:g}", checked->second.value),
            "N/A", "N/A", "N/A", "N/A");
        if (!wrong.is_null() && wrong > 0) ++out_of_bounds_;
        bandwidths_.push_back(busbw);
        all_bandwidths_.push_back(busbw);
        results_.push_back(
            {{"size", matrix.bytes()},
             {"count", count},
             {"type", kTypeName},
             {"redop", op},
             {"root", fmt::format("{:6}", kNoRoot)},
             {"out_of_place",
              {{"time", us}, {"alg_bw", algbw}, {"bus_bw", busbw}, {"nwrong", wrong}}},
             {"in_place", nullptr},
             {"actual_iterations", run.iterations},
             {"experiment_name", name}});
    }
}

void NcclTestsReport::Finalize() {
    if (!table_.empty()) end_table();
    if (!file_) return;
    auto all = head_;
    all["results"] = results_;
    all["out_of_bounds"] = {{"count", all_out_of_bounds_},
                            {"okay", all_out_of_bounds_ == 0 ? "true" : "false"}};
    all["average_bus_bandwidth"] = {{"bandwidth", mean(all_bandwidths_)}, {"okay", "unchecked"}};
    all["errors"] = ordered_json::array();
    all["end_time"] = now();
    const auto text = all.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
    const bool written = std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size();
    if (!written || std::fflush(file_.get()) != 0) {
        throw Error(
            fmt::format("cannot write the JSON: {}", std::generic_category().message(errno)));
    }
}

}  // namespace moe
