#include "bench/watch/watchdog.hpp"

#include "bench/watch/process.hpp"
#include "comm/backend.hpp"
#include "comm/process_view.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <limits>
#include <utility>

namespace moe {
namespace {

using std::chrono::milliseconds;

constexpr int kAborted = 3;
/// Between two checks: short enough to report within the second between mpirun's SIGTERM and its
/// SIGKILL, long enough not to disturb a measurement.
constexpr milliseconds kPeriod{100};
/// Seconds within which mpirun ends the others when one died.
constexpr double kPatience = 3;
/// Seconds from the first secondary error until the kernel reports the rank that caused it as dead:
/// giving back a GPU's memory takes a while.
constexpr double kSlowestDeath = 1.5;
/// mpirun follows SIGTERM with SIGKILL after a second.
constexpr milliseconds kTurn{250}, kFiles{500};
/// From the timeout until kernels that wait in vain have said so, and those of other ranks as well,
/// which began to wait a moment later.
constexpr milliseconds kKernels{static_cast<int>(kBeyondTimeout * 1000) + 1000}, kOthers{500};
/// How long the main thread may take to abort the job.
constexpr milliseconds kAbort{2000};

/// Set by the signal handler, which may do little more: the thread takes it from here. Handlers and
/// not a mask with sigwait, because libraries have started threads before main() that know no mask.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): a handler has no arguments.
std::atomic<int> asked_to_go{};
static_assert(std::atomic<int>::is_always_lock_free);

void ask_to_go(int signal) {
    asked_to_go = signal;
}

/// Batch systems announce the end of the time that a job has with any of these.
constexpr std::array kAsksToGo{SIGTERM, SIGINT,  SIGHUP,  SIGQUIT,   SIGALRM,
                               SIGUSR1, SIGUSR2, SIGXCPU, SIGVTALRM, SIGPWR};

bool died(const RankStatus& status) {
    return !status.ended && state_of_process(status.pid) == ProcessState::gone;
}

bool is_stopped(const RankStatus& status) {
    return state_of_process(status.pid) == ProcessState::stopped;
}

std::string phase_and_case(const RankStatus& status) {
    return status.case_label.empty()
               ? status.phase
               : fmt::format("{} in case {}", status.phase, status.case_label);
}

/// The primary failure as seen from a rank that has to go: a rank that died silently, else one that
/// recorded why, else a secondary error.
AbortReason abort_reason_of(const std::vector<RankStatus>& ranks, int me,
                            const std::string& signal) {
    for (const auto& status : ranks) {
        if (died(status) && status.failure.empty()) {
            return {"failed",
                    fmt::format("rank {} died while {}", status.rank, phase_and_case(status))};
        }
    }
    for (const auto& status : ranks) {
        if (!status.failure.empty()) {
            return {"failed", fmt::format("rank {}: {}", status.rank, status.failure), true};
        }
    }
    for (const auto& status : ranks) {
        if (!status.error.empty()) {
            return {.state = "failed",
                    .message = fmt::format("rank {}: {} while {}", status.rank, status.error,
                                           phase_and_case(status)),
                    .is_secondary = true};
        }
    }
    const auto self =
        std::find_if(ranks.begin(), ranks.end(), [&](const auto& v) { return v.rank == me; });
    return {.state = "interrupted",
            .message = fmt::format("ended by {} while {}", signal, phase_and_case(*self)),
            .is_secondary = true};
}

/// Leaves the report to the lowest rank that is still running.
void wait_for_lower_ranks(const Heartbeat& heartbeat) {
    const auto ranks = heartbeat.all();
    const auto first = std::find_if(ranks.begin(), ranks.end(), [](const auto& status) {
        return state_of_process(status.pid) == ProcessState::running;
    });
    if (first == ranks.end() || first->rank == heartbeat.mine().rank) return;
    constexpr milliseconds kStep{10};
    for (auto waited = milliseconds(0); waited < kTurn && !heartbeat.reported(); waited += kStep) {
        std::this_thread::sleep_for(kStep);
    }
}

}  // namespace

AbortReason stuck_reason(const std::vector<RankStatus>& ranks, double seconds) {
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    for (const auto& status : ranks) {
        if (!status.ended) least = std::min(least, status.steps);
    }
    // Ranks work in step: the others wait for those that are in an earlier phase. Among these, a
    // rank that was stopped is the one at fault.
    std::vector<RankStatus> stuck, stopped;
    std::copy_if(ranks.begin(), ranks.end(), std::back_inserter(stuck),
                 [&](const auto& status) { return !status.ended && status.steps == least; });
    std::copy_if(stuck.begin(), stuck.end(), std::back_inserter(stopped), is_stopped);
    const bool asleep = !stopped.empty();
    if (asleep) stuck = stopped;
    std::string names;
    for (const auto& status : stuck) {
        names += fmt::format("{}{}", names.empty() ? "" : ", ", status.rank);
    }
    return {.state = "timed_out",
            .message = fmt::format("no progress for {:.3g} s: rank{} {} {} while {}", seconds,
                                   stuck.size() == 1 ? "" : "s", names,
                                   asleep ? "was stopped by a signal" : "got stuck",
                                   phase_and_case(stuck.front())),
            .is_secondary = !asleep};
}

std::string errors_of(const std::vector<RankStatus>& ranks) {
    std::string errors;
    for (const auto& status : ranks) {
        if (!status.error.empty())
            errors += fmt::format("; rank {}: {}", status.rank, status.error);
    }
    return errors;
}

Watchdog::Watchdog() : timeout_(std::numeric_limits<double>::infinity()) {
    for (const int signal : kAsksToGo) {
        // What was ignored on purpose stays so (nohup), and so does what a profiler wants.
        if (!is_default(signal)) continue;
        struct sigaction action {};
        action.sa_handler = ask_to_go;
        action.sa_flags = SA_RESTART;
        sigaction(signal, &action, nullptr);
    }
    // A rank whose launcher died writes into a closed pipe, and has work to do after that. A file
    // that has reached its size limit is an error of write().
    for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);
    thread_ = std::thread([this] { run(); });
}

Watchdog::~Watchdog() {
    stop_ = true;
    thread_.join();
}

Watchdog::Watch::Watch(Watchdog& dog, Heartbeat& heartbeat) : dog_(dog) {
    const std::scoped_lock lock(dog_.mutex_);
    dog_.heartbeat_ = &heartbeat;
    dog_.watched_ = true;
}

Watchdog::Watch::~Watch() {
    const std::scoped_lock lock(dog_.mutex_);
    dog_.heartbeat_->leave();
    dog_.heartbeat_ = nullptr;
    dog_.on_abort_ = nullptr;
}

Watchdog::Probe::Probe(Watchdog& dog, std::function<std::string()> probe) : dog_(dog) {
    const std::scoped_lock lock(dog_.mutex_);
    dog_.probe_ = std::move(probe);
}

Watchdog::Probe::~Probe() {
    const std::scoped_lock lock(dog_.mutex_);
    dog_.probe_ = nullptr;
}

void Watchdog::set_on_abort(OnAbort on_abort) {
    const std::scoped_lock lock(mutex_);
    on_abort_ = std::move(on_abort);
}

void Watchdog::give_up(std::string error) {
    {
        const std::scoped_lock lock(mutex_);
        error_ = std::move(error);
        gave_up_ = true;
    }
    while (!reported_) std::this_thread::sleep_for(kPeriod);
}

void Watchdog::run() {
    while (!stop_) {
        std::this_thread::sleep_for(kPeriod);
        const std::scoped_lock lock(mutex_);
        if (const int signal = asked_to_go.exchange(0); signal > 0) on_signal(signal);
        check();
    }
}

void Watchdog::on_signal(int signal) {
    if (heartbeat_ != nullptr) {
        end(abort_reason_of(heartbeat_->all(), heartbeat_->mine().rank, signal_name(signal)));
    }
    if (!watched_) _exit(kAborted);
}

void Watchdog::check() {
    if (launcher_.gone()) {
        launcher_gone_ = true;
        end({"interrupted", "the launcher (mpirun) died"});
    }
    if (heartbeat_ == nullptr) return;
    if (error_.empty() && probe_) error_ = probe_();
    if (!error_.empty()) check_for_cause(*heartbeat_);
    if (heartbeat_->seconds_since_progress() > timeout_) end_stuck(*heartbeat_);
    check_for_dead_ranks(*heartbeat_);
}

void Watchdog::end_stuck(Heartbeat& heartbeat) {
    auto reason = stuck_reason(heartbeat.all(), timeout_);
    if (reason.is_secondary && probe_) {
        hear_kernels(heartbeat);
        reason.message += errors_of(heartbeat.all());
    }
    end(reason);
}

void Watchdog::hear_kernels(Heartbeat& heartbeat) {
    for (auto left = kKernels; left > kPeriod && asked_to_go == 0; left -= kPeriod) {
        std::this_thread::sleep_for(kPeriod);
        error_ = probe_();
        if (error_.empty()) continue;
        heartbeat.set_error(error_);
        left = std::min(left, kOthers);
    }
}

void Watchdog::check_for_dead_ranks(const Heartbeat& heartbeat) {
    if (!heartbeat.any_rank_died()) {
        seconds_with_dead_ = 0;
        return;
    }
    seconds_with_dead_ += std::chrono::duration<double>(kPeriod).count();
    if (seconds_with_dead_ < kPatience) return;
    end(abort_reason_of(heartbeat.all(), heartbeat.mine().rank, "another rank's death"));
}

void Watchdog::check_for_cause(Heartbeat& heartbeat) {
    if (seconds_with_error_ == 0) heartbeat.set_error(error_);
    seconds_with_error_ += std::chrono::duration<double>(kPeriod).count();
    const auto ranks = heartbeat.all();
    if (seconds_with_error_ < kSlowestDeath && std::none_of(ranks.begin(), ranks.end(), died))
        return;
    end(abort_reason_of(ranks, heartbeat.mine().rank, "a library"));
}

void Watchdog::end(const AbortReason& reason) {
    if (heartbeat_ != nullptr) wait_for_lower_ranks(*heartbeat_);
    // Held until the process is gone. After the wait it goes anyway: a disk may hang as well.
    std::unique_lock files(files_, kFiles);
    if (heartbeat_ != nullptr) {
        if (heartbeat_->claim_report() && on_abort_) on_abort_(reason);
        if (launcher_gone_) {
            // The launcher is not there to wake and end a rank that was stopped.
            for (const auto& status : heartbeat_->all()) {
                if (is_stopped(status)) kill(status.pid, SIGKILL);
            }
        }
        heartbeat_->leave();
    }
    reported_ = true;
    if (gave_up_) std::this_thread::sleep_for(kAbort);
    _exit(kAborted);
}

}  // namespace moe
