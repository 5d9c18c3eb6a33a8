#include "bench/watch/watchdog.hpp"

#include "bench/watch/process.hpp"
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

constexpr int kEndedEarly = 3;
/// How often to look: often enough to have said everything within the second between mpirun's
/// SIGTERM and its SIGKILL, seldom enough not to be seen in a measurement.
constexpr milliseconds kPeriod{100};
/// mpirun ends the others when one died; after this long it evidently does not.
constexpr double kPatience = 3;
/// From the first symptom of another rank's death until the kernel says that it is dead: with a
/// GPU's memory to give back that takes it a while.
constexpr double kSlowestDeath = 1.5;
/// mpirun follows SIGTERM with SIGKILL after a second.
constexpr milliseconds kTurn{250}, kFiles{500};
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

bool died(const RankView& view) {
    return !view.ended && state_of_process(view.pid) == ProcessState::gone;
}

bool is_stopped(const RankView& view) {
    return state_of_process(view.pid) == ProcessState::stopped;
}

std::string place_of(const RankView& view) {
    return view.cell.empty() ? view.doing : fmt::format("{} in case {}", view.doing, view.cell);
}

/// What took the job down, seen from a rank that has to go: a rank that died without a word, else
/// one that said why, else one that suffers from it.
AbortReason cause_of(const std::vector<RankView>& ranks, int me, const std::string& signal) {
    for (const auto& view : ranks) {
        if (died(view) && view.failure.empty()) {
            return {"failed", fmt::format("rank {} died while {}", view.rank, place_of(view))};
        }
    }
    for (const auto& view : ranks) {
        if (!view.failure.empty()) {
            return {"failed", fmt::format("rank {}: {}", view.rank, view.failure), true};
        }
    }
    for (const auto& view : ranks) {
        if (!view.symptom.empty()) {
            return {.state = "failed",
                    .message = fmt::format("rank {}: {} while {}", view.rank, view.symptom,
                                           place_of(view)),
                    .is_secondary = true};
        }
    }
    const auto self =
        std::find_if(ranks.begin(), ranks.end(), [&](const auto& v) { return v.rank == me; });
    return {.state = "interrupted",
            .message = fmt::format("ended by {} while {}", signal, place_of(*self)),
            .is_secondary = true};
}

/// Leaves the telling to the lowest rank that can still do it.
void wait_for_turn(const ProgressBoard& board) {
    const auto ranks = board.all();
    const auto first = std::find_if(ranks.begin(), ranks.end(), [](const auto& view) {
        return state_of_process(view.pid) == ProcessState::running;
    });
    if (first == ranks.end() || first->rank == board.mine().rank) return;
    constexpr milliseconds kStep{10};
    for (auto waited = milliseconds(0); waited < kTurn && !board.reported(); waited += kStep) {
        std::this_thread::sleep_for(kStep);
    }
}

}  // namespace

AbortReason reason_of_stuck(const std::vector<RankView>& ranks, double seconds) {
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    for (const auto& view : ranks) {
        if (!view.ended) least = std::min(least, view.steps);
    }
    // Ranks work in step: one that said less than the others is what they wait for. Among those
    // that said as little, one that was stopped.
    std::vector<RankView> stuck, stopped;
    std::copy_if(ranks.begin(), ranks.end(), std::back_inserter(stuck),
                 [&](const auto& view) { return !view.ended && view.steps == least; });
    std::copy_if(stuck.begin(), stuck.end(), std::back_inserter(stopped), is_stopped);
    const bool asleep = !stopped.empty();
    if (asleep) stuck = stopped;
    std::string names;
    for (const auto& view : stuck) {
        names += fmt::format("{}{}", names.empty() ? "" : ", ", view.rank);
    }
    return {.state = "timed_out",
            .message = fmt::format("no progress for {:.3g} s: rank{} {} {} while {}", seconds,
                                   stuck.size() == 1 ? "" : "s", names,
                                   asleep ? "was stopped by a signal" : "got stuck",
                                   place_of(stuck.front())),
            .is_secondary = !asleep};
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
    // A rank whose launcher died writes into a closed pipe, and has work to do after that; one that
    // may write no more to a file hears of it from write().
    for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);
    thread_ = std::thread([this] { run(); });
}

Watchdog::~Watchdog() {
    stop_ = true;
    thread_.join();
}

Watchdog::Watch::Watch(Watchdog& dog, ProgressBoard& board) : dog_(dog) {
    const std::scoped_lock lock(dog_.mutex_);
    dog_.board_ = &board;
    dog_.watched_ = true;
}

Watchdog::Watch::~Watch() {
    const std::scoped_lock lock(dog_.mutex_);
    dog_.board_->leave();
    dog_.board_ = nullptr;
    dog_.tell_ = nullptr;
}

Watchdog::Probe::Probe(Watchdog& dog, std::function<std::string()> probe) : dog_(dog) {
    const std::scoped_lock lock(dog_.mutex_);
    dog_.probe_ = std::move(probe);
}

Watchdog::Probe::~Probe() {
    const std::scoped_lock lock(dog_.mutex_);
    dog_.probe_ = nullptr;
}

void Watchdog::set_tell(Tell tell) {
    const std::scoped_lock lock(mutex_);
    tell_ = std::move(tell);
}

void Watchdog::give_up(std::string symptom) {
    {
        const std::scoped_lock lock(mutex_);
        symptom_ = std::move(symptom);
        gave_up_ = true;
    }
    while (!told_) std::this_thread::sleep_for(kPeriod);
}

void Watchdog::run() {
    while (!stop_) {
        std::this_thread::sleep_for(kPeriod);
        const std::scoped_lock lock(mutex_);
        if (const int signal = asked_to_go.exchange(0); signal > 0) on_signal(signal);
        look();
    }
}

void Watchdog::on_signal(int signal) {
    if (board_ != nullptr) {
        end(cause_of(board_->all(), board_->mine().rank, signal_name(signal)));
    }
    if (!watched_) _exit(kEndedEarly);
}

void Watchdog::look() {
    if (launcher_.gone()) {
        launcher_gone_ = true;
        end({"interrupted", "the launcher (mpirun) died"});
    }
    if (board_ == nullptr) return;
    if (symptom_.empty() && probe_) symptom_ = probe_();
    if (!symptom_.empty()) look_for_the_cause(*board_);
    if (board_->silence() > timeout_) {
        end(reason_of_stuck(board_->all(), timeout_));
    }
    look_for_the_dead(*board_);
}

void Watchdog::look_for_the_dead(const ProgressBoard& board) {
    if (!board.somebody_died()) {
        seconds_with_dead_ = 0;
        return;
    }
    seconds_with_dead_ += std::chrono::duration<double>(kPeriod).count();
    if (seconds_with_dead_ < kPatience) return;
    end(cause_of(board.all(), board.mine().rank, "another rank's death"));
}

void Watchdog::look_for_the_cause(ProgressBoard& board) {
    if (seconds_suffering_ == 0) board.suffer(symptom_);
    seconds_suffering_ += std::chrono::duration<double>(kPeriod).count();
    const auto ranks = board.all();
    if (seconds_suffering_ < kSlowestDeath && std::none_of(ranks.begin(), ranks.end(), died))
        return;
    end(cause_of(ranks, board.mine().rank, "a library"));
}

void Watchdog::end(const AbortReason& reason) {
    if (board_ != nullptr) wait_for_turn(*board_);
    // Held until the process is gone. After the wait it goes anyway: a disk may hang as well.
    std::unique_lock files(files_, kFiles);
    if (board_ != nullptr) {
        if (board_->claim_report() && tell_) tell_(reason);
        if (launcher_gone_) {
            // Nobody else is left to wake and end a rank that was stopped.
            for (const auto& view : board_->all()) {
                if (is_stopped(view)) kill(view.pid, SIGKILL);
            }
        }
        board_->leave();
    }
    told_ = true;
    if (gave_up_) std::this_thread::sleep_for(kAbort);
    _exit(kEndedEarly);
}

}  // namespace moe
