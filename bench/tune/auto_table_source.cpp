#include "bench/tune/auto_table_source.hpp"

#include "bench/report/json_file.hpp"
#include "bench/report/result_paths.hpp"
#include "bench/report/screen.hpp"
#include "bench/tune/measure_auto_table.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace moe {
namespace {

/// The table that an earlier run left beside the results which this one goes on with; empty where
/// there is none.
std::string earlier_table(const Options& options) {
    const bool goes_on = options.resume || options.launch > 1;
    if (!goes_on || (options.out.empty() && options.csv.empty())) return {};
    auto file = ResultPaths::of(options.out, options.csv, "").auto_table;
    return std::filesystem::exists(file) ? file : "";
}

}  // namespace

AutoTableSource::AutoTableSource(const Parts& parts) : parts_(parts) {
    const auto& options = parts_.options;
    if (!options.asks_for_table()) return;
    // Rank 0's files, whatever others see.
    file_ = options.auto_table.empty() ? parts_.bootstrap.broadcast(earlier_table(options))
                                       : options.auto_table;
    if (!file_.empty()) table_ = read(file_);
}

bool AutoTableSource::to_be_measured() const {
    return parts_.options.asks_for_table() && !table_;
}

TableOrigin AutoTableSource::here() const {
    const auto& backend = parts_.backend;
    return {std::string(backend.name), parts_.bootstrap.broadcast(backend.device->name()),
            backend.world->size(),
            parts_.options.mode == Mode::pipelined ? "pipelined" : "isolated"};
}

AutoTable AutoTableSource::read(const std::string& file) const {
    std::ostringstream text;
    std::string failure;
    if (parts_.bootstrap.rank() == 0) {
        const std::ifstream in(file);
        text << in.rdbuf();
        if (!in) failure = std::generic_category().message(errno);
    }
    failure = parts_.bootstrap.broadcast(failure);
    if (!failure.empty()) {
        throw BadArgument(fmt::format(
            "table of strategies '{}': cannot be read: {}; wanted is a file that a run with "
            "reduce_scatterv_auto wrote",
            file, failure));
    }
    return parse_auto_table(parts_.bootstrap.broadcast(text.str()), file, here());
}

void AutoTableSource::measure(Timeline& timeline, std::span<const Case> cases, Heartbeat& heartbeat,
                              const std::string& file) {
    const auto& [options, backend, bootstrap] = parts_;
    const bool decides = bootstrap.rank() == 0;
    if (decides) show("Measuring the table that reduce_scatterv_auto chooses by\n");
    const double began = steady_seconds();
    CasePlanner planner({options, backend, bootstrap});
    auto measured =
        measure_auto_table({options, backend, bootstrap, timeline, planner}, cases, heartbeat);
    const auto origin = here();
    std::string text;
    if (decides) {
        const auto rows = measured.rows.size();
        const auto table = table_to_json(AutoTable(std::move(measured.rows)), origin);
        replace_json_file(file, table);
        text = table.dump();
        show(fmt::format("{} exchanges in {:.1f} s: {}{}\n", rows, steady_seconds() - began, file,
                         measured.left_out == 0
                             ? ""
                             : fmt::format("; {} left out ({})", measured.left_out, measured.why)));
    }
    // The same text on all ranks: the same choices.
    table_ = parse_auto_table(bootstrap.broadcast(text), file, origin);
}

nlohmann::json AutoTableSource::provenance() const {
    if (!parts_.options.asks_for_table()) return nullptr;
    if (to_be_measured()) return {{"measured", true}, {"file", nullptr}};
    return {{"measured", false}, {"file", file_}};
}

}  // namespace moe
