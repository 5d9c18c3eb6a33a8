// The program: what it is asked for, the sweep, and the one place where a failure ends it.
#include "bench/case/estimate.hpp"
#include "bench/case/on_rank_0.hpp"
#include "bench/dry_run.hpp"
#include "bench/engines/engine_env.hpp"
#include "bench/report/abort_status.hpp"
#include "bench/report/columns.hpp"
#include "bench/report/provenance.hpp"
#include "bench/report/result_files.hpp"
#include "bench/report/rows.hpp"
#include "bench/report/screen.hpp"
#include "bench/runner.hpp"
#include "bench/steps/steps_provenance.hpp"
#include "bench/steps/sweep_plan.hpp"
#include "bench/sweep/options.hpp"
#include "bench/sweep/schedule.hpp"
#include "bench/tune/auto_table_source.hpp"
#include "bench/watch/launcher.hpp"
#include "bench/watch/process.hpp"
#include "bench/watch/watchdog.hpp"
#include "comm/backend.hpp"
#include "comm/mpi/mpi.hpp"
#include "comm/mpi/mpi_bootstrap.hpp"
#include "comm/named_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <array>
#include <chrono>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

namespace moe {
namespace {

enum Status : int { kDone = 0, kBadArguments = 2, kFailedRank = 3, kWrongResult = 4 };

constexpr std::string_view kHost = "host";
constexpr std::string_view kAuto = "auto";

/// A backend, and why it was taken where the user left that open.
struct ChosenBackend {
    const BackendEntry& entry;
    std::string why;
};

/// Collective. auto means GPUs where this build has a backend for them and every rank sees one.
ChosenBackend choose_backend(const std::string& name, Bootstrap& bootstrap) {
    if (name != kAuto) return {find_backend(name), ""};
    std::string why = "this build has no other";
    for (const auto& entry : backend_table()) {
        if (entry.name == kHost) continue;
        why = bootstrap.first_nonempty(entry.missing());
        if (why.empty()) return {entry, " (chosen by auto)"};
    }
    return {find_backend(kHost), fmt::format(" (chosen by auto: {})", why)};
}

/// What a sweep on GPUs runs when the user named no model: the one that the question is about.
constexpr std::string_view kGpuModel = "qwen3.5-397b-a17b";

Progress::Style progress_style(ProgressStyle wanted) {
    switch (wanted) {
        case ProgressStyle::bar:
            return Progress::Style::bar;
        case ProgressStyle::none:
            return Progress::Style::none;
        case ProgressStyle::plain:
            return Progress::Style::plain;
        case ProgressStyle::automatic:
            break;
    }
    // Under mpirun stderr is always a pipe: scripts that know better say --progress bar.
    return isatty(STDERR_FILENO) != 0 ? Progress::Style::bar : Progress::Style::plain;
}

/// What is known when the sweep starts.
struct Start {
    const Machine& machine;
    const Backend& backend;
    const std::string& why;  ///< this backend
    const Options& options;
    const SweepPlan& plan;
    const ResultFiles& files;
    const Schedule& schedule;
    const std::optional<EngineEnv>& engine_env;
};

void print_start(const Start& start) {
    const auto& [machine, backend, why, options, plan, files, schedule, engine_env] = start;
    const auto cases = plan.cases.size();
    const auto& placement = backend.placement;
    show(fmt::format("{} backend{} on {}: {} ranks on {} host{}, {}, claim \"{}\"\n", backend.name,
                     why, backend.device->name(), backend.world->size(), machine.hosts,
                     machine.hosts == 1 ? "" : "s", placement.transport,
                     to_string(placement.claim)));
    if (engine_env) show(to_string(*engine_env) + "\n");
    for (const auto& warning : backend.warnings) show(fmt::format("WARNING: {}\n", warning));
    for (const auto& slowdown : options.slowdowns) {
        show(fmt::format("WARNING: {} is slowed down by {:g} % on purpose (--plant): no result\n",
                         slowdown.entry->name, slowdown.pct));
    }
    show(fmt::format("{} cases of {} strategies, about {}; results: {}\n", cases,
                     options.combines.size(),
                     duration_text(schedule.seconds_left(steady_seconds())), files.paths().csv));
    if (options.launches > 1) {
        show(fmt::format("launch {} of {}\n", options.launch, options.launches));
    }
    const auto done = files.finished().case_ids.size();
    if (options.resume)
        show(fmt::format("resumed: {} of {} cases are there already\n", done, cases));
    if (files.samples_gone()) {
        show(fmt::format("WARNING: {} was gone: it has no samples of the {} cases\n",
                         files.paths().samples, done));
    }
    show(plan.text() + "\n");
}

/// What outlives any failure.
struct Guards {
    Bootstrap& bootstrap;
    Watchdog& watchdog;
    Heartbeat& heartbeat;
    ReportTarget report_target;
};

/// The cases that an earlier run has not finished.
std::vector<Case> cases_left(std::vector<Case> cases, const std::set<std::string>& finished,
                             const RowContext& context) {
    std::erase_if(
        cases, [&](const auto& params) { return finished.contains(case_id_of(context, params)); });
    return cases;
}

/// Collective.
std::vector<CaseSeconds> forecast(const CasePlanner::Parts& parts, CasePlanner& planner,
                                  std::span<const Case> cases, Heartbeat& heartbeat) {
    Forecaster forecaster(parts, planner, heartbeat);
    std::vector<CaseSeconds> seconds;
    for (const auto& params : cases) {
        heartbeat.set_phase("forecasting the cases");
        seconds.push_back(forecaster.estimate(params).seconds);
    }
    return seconds;
}

Status finish(const Runner::Outcome& outcome, const SweepPlan& plan, std::size_t cases,
              ResultFiles& files) {
    const int wrong = outcome.wrong + files.finished().wrong;
    const auto& paths = files.paths();
    show(outcome.summary.text() + outcome.auto_choices.text());
    if (plan.steps) show(outcome.step_totals.text(*plan.steps));
    show(fmt::format("{} rows with a time, {} with an obstacle, {} wrong; results: {}\n",
                     outcome.measured, outcome.obstacles, outcome.wrong, paths.csv));
    show(fmt::format("charts: scripts/plot.py '{}' --out '{}'\n", paths.csv, paths.charts()));
    if (wrong > 0) {
        files.set_status("wrong_result", fmt::format("{} rows are wrong", wrong));
        return kWrongResult;
    }
    if (outcome.left_out > 0) {
        const auto message = fmt::format("{} of {} cases did not fit into the time of --time",
                                         outcome.left_out, cases);
        show(fmt::format("{}; the same command with {} '{}' --resume goes on\n", message,
                         paths.option, paths.given));
        files.set_status("out_of_time", message);
        return kDone;
    }
    if (outcome.measured == 0 && cases > 0) {
        show_error("bench_moe_comm: warning: no case could run, see the column obstacle\n");
    }
    files.set_status("complete", "");
    return kDone;
}

/// Collective. Rank 0's words, none of which holds a space, on every rank.
std::set<std::string> broadcast_words(Bootstrap& bootstrap, const std::set<std::string>& words) {
    std::istringstream text(bootstrap.broadcast(fmt::format("{}", fmt::join(words, " "))));
    return {std::istream_iterator<std::string>(text), {}};
}

/// Opens the files on rank 0, and tells all ranks where they are and what is in them already.
EarlierRuns open_files(const Options& options, const ProvenanceParts& provenance, Guards& guards,
                       std::unique_ptr<ResultFiles>& files) {
    auto& bootstrap = guards.bootstrap;
    auto& target = guards.report_target;
    on_rank_0(bootstrap, [&] {
        const auto& host = bootstrap.host_names().front();
        const auto timestamp = utc_timestamp();
        target.paths = ResultPaths::of(options.out, options.csv,
                                       fmt::format("results/local/{}-{}", timestamp, host));
        target.paths.trace = options.trace;
        target.run_id = make_run_id(timestamp, host);
        files = std::make_unique<ResultFiles>(ResultFiles::Parts{target.paths, target.run_id,
                                                                 make_provenance(provenance),
                                                                 options, guards.watchdog.files()});
    });
    for (auto* text :
         {&target.paths.csv, &target.paths.json, &target.paths.samples, &target.paths.status,
          &target.paths.auto_table, &target.paths.option, &target.paths.given, &target.run_id}) {
        *text = bootstrap.broadcast(*text);
    }
    return {
        broadcast_words(bootstrap, files ? files->finished().case_ids : std::set<std::string>()),
        broadcast_words(bootstrap, files ? files->deadly_cases() : std::set<std::string>())};
}

Status sweep(Options options, Guards& guards, std::unique_ptr<ResultFiles>& files) {
    const double began = steady_seconds();
    auto& bootstrap = guards.bootstrap;
    guards.watchdog.set_timeout(options.timeout_seconds);
    guards.heartbeat.set_phase("opening the backend");
    const auto chosen = choose_backend(options.backend, bootstrap);
    std::optional<EngineEnv> engine_env;
    if (options.engine_env != nullptr) {
        if (chosen.entry.name == kHost) {
            throw BadArgument(fmt::format("--engine-env {}: the host backend runs no NCCL",
                                          options.engine_env->name));
        }
        engine_env = set_engine_env(*options.engine_env);
    }
    auto backend = chosen.entry.open(
        {.share_gpu = options.share_gpu, .timeout_seconds = options.timeout_seconds});
    const Watchdog::Probe probe(guards.watchdog, backend.failure);
    if (backend.gpus && !options.model_given) {
        options.models = {&find_named(model_table(), kGpuModel, "model")};
        options.settings["--model"] = kGpuModel;
    }
    if (options.share_gpu && !backend.gpus) {
        throw BadArgument("--share-gpu: the host backend has no GPU to share");
    }
    const auto plan = plan_sweep(options, backend.world->size(), bootstrap);
    if (plan.steps) {
        options.steps_source = plan.steps->source;
        options.steps_hash = plan.steps->file_hash;
    }
    const auto grouping = plan.steps ? steps_provenance(*plan.steps) : nlohmann::json();
    const auto& cases = plan.cases;
    AutoTableSource auto_table({options, backend, bootstrap});
    if (options.dry_run) {
        if (bootstrap.rank() == 0) show(plan.text());
        dry_run({options, backend, bootstrap, auto_table.table()}, cases, guards.heartbeat);
        return kDone;
    }
    const auto machine = discover_machine(bootstrap);
    Timeline timeline(bootstrap, machine.one_clock);
    guards.heartbeat.set_phase("calibrating");
    Calibration calibration({*backend.device, *backend.world, bootstrap, timeline});
    const auto earlier = open_files(options,
                                    {options, backend, machine, timeline, calibration, bootstrap,
                                     engine_env, auto_table.provenance(), grouping},
                                    guards, files);
    guards.watchdog.set_on_abort([target = guards.report_target](const AbortReason& reason) {
        report_abort(reason, target);
    });

    const auto left = cases_left(cases, earlier.finished, {backend, machine, options, ""});
    if (auto_table.to_be_measured() && !left.empty()) {
        auto_table.measure(timeline, cases, guards.heartbeat,
                           guards.report_target.paths.auto_table);
    }
    const CasePlanner::Parts case_parts{options, backend, bootstrap, auto_table.table()};
    CasePlanner planner(case_parts);
    auto seconds = forecast(case_parts, planner, left, guards.heartbeat);
    std::optional<Schedule> schedule;
    std::optional<Progress> progress;
    if (files) {
        schedule.emplace(std::move(seconds), options.time_seconds, began);
        print_start({machine, backend, chosen.why, options, plan, *files, *schedule, engine_env});
        progress.emplace(progress_style(options.progress), left.size(),
                         [&](double now) { return schedule->seconds_left(now); });
    }
    Runner runner({options, backend, bootstrap, timeline, calibration, machine, planner,
                   files.get(), schedule ? &*schedule : nullptr, progress ? &*progress : nullptr,
                   guards.heartbeat});
    const auto outcome = runner.run(left, earlier.deadly);
    progress.reset();
    // Rank 0 has the verdicts that it printed; all ranks counted the same.
    if (files) return finish(outcome, plan, left.size(), *files);
    return outcome.wrong > 0 ? kWrongResult : kDone;
}

/// How long ranks that do not know each other leave to the first of them for its report.
constexpr std::chrono::milliseconds kLeaderReports{1000};

/// N ranks that a foreign launcher started would be N sweeps, each of which names a winner:
/// refused, which the first of them says.
void expect_one_job(Bootstrap& bootstrap) {
    const auto apart = bootstrap.first_nonempty(launched_apart(bootstrap.size()));
    if (apart.empty()) return;
    if (!is_first_launched()) std::this_thread::sleep_for(kLeaderReports);
    throw BadArgument(apart);
}

/// What --list shows beside what the sweep knows.
constexpr std::array kMoreListings{Listing{"columns", list_of_columns}};

/// Everything that may end the program early comes back here as a status.
Status run(int argc, char** argv, Guards& guards) {
    std::unique_ptr<ResultFiles> files;
    try {
        const auto parsed = parse_command_line(argc, argv, kMoreListings);
        if (parsed.print) {
            if (guards.bootstrap.rank() == 0) show(parsed.print->text);
            return kDone;
        }
        expect_one_job(guards.bootstrap);
        return sweep(parsed.options, guards, files);
    } catch (const BadArgument& error) {
        const bool is_leader = guards.bootstrap.size() > 1 || is_first_launched();
        if (guards.bootstrap.rank() == 0 && is_leader) {
            show_error(fmt::format("bench_moe_comm: {}\n", error.what()));
        }
        // All ranks stay until the line is out: mpirun ends the job at the first bad status.
        guards.bootstrap.barrier();
        return kBadArguments;
    }
}

}  // namespace
}  // namespace moe

/// One rank that throws must take the others with it: they are waiting inside a collective.
int main(int argc, char** argv) {
    moe::keep_standard_streams();
    const auto crashes = moe::unhandled_crashes();
    moe::Watchdog watchdog;
    const moe::mpi::Session session(argc, argv);
    const auto bootstrap = moe::make_mpi_bootstrap();
    const auto rank = static_cast<std::size_t>(bootstrap->rank());
    const auto& hosts = bootstrap->host_names();
    const auto& host = hosts[rank];
    const auto who = fmt::format("rank {} of {} on {}", rank, bootstrap->size(), host);
    moe::report_crashes(crashes, who);
    moe::Heartbeat heartbeat(*bootstrap);
    const bool unseen_ranks = heartbeat.all().size() < hosts.size();
    moe::Guards guards{*bootstrap, watchdog, heartbeat, {host, unseen_ranks, {}, {}}};
    watchdog.set_on_abort([target = guards.report_target](const moe::AbortReason& reason) {
        report_abort(reason, target);
    });
    const moe::Watchdog::Watch watch(watchdog, heartbeat);
    try {
        return moe::run(argc, argv, guards);
    } catch (const moe::LibraryError& error) {
        watchdog.give_up(error.what());
    } catch (const std::exception& error) {
        heartbeat.fail(error.what());
        moe::show_error(fmt::format("{}: {}\n", who, error.what()));
        if (heartbeat.claim_report()) {
            report_abort({"failed", fmt::format("rank {}: {}", rank, error.what()), true},
                         guards.report_target);
        }
    }
    MPI_Abort(MPI_COMM_WORLD, moe::kFailedRank);
    return moe::kFailedRank;
}
