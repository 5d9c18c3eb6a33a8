#include "bench/report/earlier_runs.hpp"

#include "bench/report/result_row.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace moe {

using nlohmann::json;

namespace {

/// What has to agree between runs besides the settings and launches by which they were asked for.
constexpr std::array kSameMachine{"backend",      "device",    "library",       "kernel",
                                  "host_names",   "ranks",     "ranks_on_host", "cores_on_host",
                                  "git_revision", "git_dirty", "compiler",      "compiler_flags"};

/// The first thing that tells a run from the one to come, as a sentence; empty where they agree.
std::string difference_of(const ResultPaths& paths, const json& run, const json& now) {
    const auto made_with = [&](std::string_view what, const json& was, const json& is) {
        return fmt::format("{} was made with {} {}, not {}; name another file for these", paths.csv,
                           what, was.dump(), is.dump());
    };
    for (const auto& [option, value] : now["settings"].items()) {
        const auto was = run.contains("settings") ? run["settings"].value(option, json()) : json();
        if (was != value) return made_with(option, was, value);
    }
    if (run.value("steps_hash", std::string()) != now["steps_hash"].get<std::string>()) {
        return fmt::format(
            "{} was made of other steps: --steps {} has changed since; put the old "
            "file back, or name another file than {} '{}'",
            paths.csv, now["settings"]["--steps"].get<std::string>(), paths.option, paths.given);
    }
    if (run.value("launches", json()) != now["launches"]) {
        return made_with("launches", run.value("launches", json()), now["launches"]);
    }
    for (const auto* key : kSameMachine) {
        if (run.value(key, json()) != now[key]) {
            return made_with(key, run.value(key, json()), now[key]);
        }
    }
    return {};
}

}  // namespace

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

std::set<std::string> runs_of_this_sweep(const ResultPaths& paths, const json& runs,
                                         const json& now) {
    std::set<std::string> same;
    std::string difference;
    for (const auto& [run_id, run] : runs.items()) {
        const auto differs = difference_of(paths, run, now);
        if (differs.empty()) same.insert(run_id);
        difference = differs;
    }
    if (same.empty() && !difference.empty()) throw BadArgument("--resume: " + difference);
    return same;
}

void check_runs_are_known(const ResultPaths& paths, const FinishedCases& finished,
                          const json& runs) {
    for (const auto& [run_id, case_id] : finished.kept) {
        if (runs.contains(run_id)) continue;
        throw BadArgument(fmt::format(
            "--resume: {} {} how run {} made its rows in {}; put that file back, or "
            "name another than {} '{}'",
            paths.json, std::filesystem::exists(paths.json) ? "does not tell" : "is gone, to tell",
            run_id, paths.csv, paths.option, paths.given));
    }
}

}  // namespace moe
