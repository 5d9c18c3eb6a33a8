// The program: what it is asked for, the sweep, and the one place where a failure ends it.
#include "bench/cases.hpp"
#include "bench/dry_run.hpp"
#include "bench/options.hpp"
#include "bench/provenance.hpp"
#include "bench/result_files.hpp"
#include "bench/runner.hpp"
#include "comm/backend.hpp"
#include "comm/mpi/mpi.hpp"
#include "comm/mpi/mpi_control.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <exception>
#include <memory>
#include <optional>

namespace moe {
namespace {

enum Status : int { kDone = 0, kBadArguments = 2, kFailedRank = 3, kWrongResult = 4 };

constexpr std::string_view kHost = "host";

/// auto means the best backend that this build and this machine have.
const BackendEntry& choose_backend(const std::string& name) {
    return find_backend(name == "auto" ? kHost : name);
}

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

void print_start(const Machine& machine, const Backend& backend, const Options& options,
                 std::size_t cases, const std::string& csv) {
    fmt::print("{} backend{} on {}: {} ranks on {} host{}, claim \"{}\"\n", backend.name,
               options.backend == "auto" ? " (chosen by auto)" : "", backend.device->name(),
               backend.world->size(), machine.hosts, machine.hosts == 1 ? "" : "s",
               host_claim(machine));
    if (machine.oversubscribed()) {
        fmt::print(
            "WARNING: {} ranks share {} cores: results are checked, but times say nothing "
            "about speed (functional)\n",
            machine.ranks_on_host, machine.cores_on_host);
    }
    fmt::print("{} cases of {} strategies; results: {}\n\n", cases, options.combines.size(), csv);
    std::fflush(stdout);
}

/// What one rank throws before the first collective of the sweep, all must hear of: the others
/// would wait for it forever.
template <class Action>
void on_rank_0(Control& control, Action&& action) {
    std::string failure;
    if (control.rank() == 0) {
        try {
            action();
        } catch (const std::exception& error) {
            failure = error.what();
        }
    }
    failure = control.broadcast(failure);
    if (!failure.empty()) throw BadArgument(failure);
}

Status finish(const Runner::Outcome& outcome, ResultFiles& files) {
    fmt::print("{} rows with a time, {} with an obstacle, {} wrong; results: {}\n",
               outcome.measured, outcome.obstacles, outcome.wrong, files.paths().csv);
    if (outcome.wrong > 0) {
        files.set_status("wrong_result", fmt::format("{} rows are wrong", outcome.wrong));
        return kWrongResult;
    }
    if (outcome.measured == 0) {
        fmt::print(stderr, "bench_moe_comm: warning: no case could run, see the column obstacle\n");
    }
    files.set_status("complete", "");
    return kDone;
}

Status sweep(const Options& options, Control& control, std::unique_ptr<ResultFiles>& files) {
    auto backend = choose_backend(options.backend).open();
    const auto cases = expand_cases(options, control.size());
    const auto machine = discover_machine(control);
    if (options.dry_run) {
        dry_run({options, backend, control, machine}, cases);
        return kDone;
    }
    Timeline timeline(control, machine.hosts == 1);

    std::optional<Progress> progress;
    on_rank_0(control, [&] {
        const auto& host = control.host_names().front();
        const auto timestamp = utc_timestamp();
        const auto paths = ResultPaths::of(options.out, options.csv,
                                           fmt::format("results/local/{}-{}", timestamp, host));
        files = std::make_unique<ResultFiles>(
            paths, make_run_id(timestamp, host),
            make_provenance({options, backend, machine, timeline, control}));
        print_start(machine, backend, options, cases.size(), paths.csv);
        progress.emplace(progress_style(options.progress), cases.size(), options.budget_seconds);
    });
    Runner runner({options, backend, control, timeline, machine, files.get(),
                   progress ? &*progress : nullptr});
    const auto outcome = runner.run(cases);
    progress.reset();
    // Rank 0 has the verdicts that it printed; all ranks counted the same.
    return files ? finish(outcome, *files) : outcome.wrong > 0 ? kWrongResult : kDone;
}

/// Leaves word of what went wrong. A disk that is full takes no word, and must not hide the cause.
void note_failure(ResultFiles& files, const std::exception& cause) noexcept {
    try {
        files.set_status("failed", cause.what());
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_moe_comm: no status either: {}\n", error.what());
    }
}

/// Everything that may end the program early comes back here as a status.
Status run(int argc, char** argv, Control& control) {
    std::unique_ptr<ResultFiles> files;
    try {
        const auto parsed = parse_command_line(argc, argv);
        if (parsed.print) {
            if (control.rank() == 0) fmt::print("{}", parsed.print->text);
            return kDone;
        }
        return sweep(parsed.options, control, files);
    } catch (const BadArgument& error) {
        if (control.rank() == 0) fmt::print(stderr, "bench_moe_comm: {}\n", error.what());
        // Nobody leaves before the line is out: mpirun ends the job at the first bad status.
        control.barrier();
        return kBadArguments;
    } catch (const std::exception& error) {
        if (files) note_failure(*files, error);
        throw;
    }
}

}  // namespace
}  // namespace moe

/// One rank that throws must take the others with it: they are waiting inside a collective.
int main(int argc, char** argv) {
    const moe::mpi::Session session(argc, argv);
    const auto control = moe::make_mpi_control();
    try {
        return moe::run(argc, argv, *control);
    } catch (const std::exception& error) {
        const auto rank = static_cast<std::size_t>(control->rank());
        fmt::print(stderr, "rank {} of {} on {}: {}\n", rank, control->size(),
                   control->host_names()[rank], error.what());
        std::fflush(stderr);
        MPI_Abort(MPI_COMM_WORLD, moe::kFailedRank);
        return moe::kFailedRank;
    }
}
