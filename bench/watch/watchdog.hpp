#pragma once

#include "bench/watch/heartbeat.hpp"
#include "bench/watch/launcher.hpp"

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace moe {

/// Why a run is aborted, for status.json and for the user.
struct AbortReason {
    std::string_view state;  ///< "interrupted", "timed_out" or "failed"
    std::string message;     ///< one line
    bool printed{};          ///< the rank that failed has printed why already
    bool is_secondary{};     ///< no rank of this host is at fault: one of another may be
};

/// Ends this rank, with status 3, when it has no future: a signal asks it to go, its launcher died,
/// another rank of its host died and the launcher does not react, or a rank makes no progress. A
/// thread, because the main thread may be inside a collective that never returns; it calls neither
/// MPI nor anything that waits for another process. One rank of each host reports why.
class Watchdog {
public:
    /// Before MPI starts, which may hang as well. One in a process: it takes the signals by which
    /// users, terminals and batch systems ask a program to end, those that have their default
    /// action.
    Watchdog();
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    /// From here to the end of the Watch, `heartbeat` is checked. Without one, a signal before the
    /// first Watch ends the rank, and one after it finds a rank that is leaving anyway.
    class [[nodiscard]] Watch {
    public:
        Watch(Watchdog& dog, Heartbeat& heartbeat);
        ~Watch();
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;

    private:
        Watchdog& dog_;
    };

    /// While it lives, `probe` is asked at every check, from the watchdog's thread: a text that it
    /// answers is an error as that of give_up(), which the main thread may never see. Null is fine.
    class [[nodiscard]] Probe {
    public:
        Probe(Watchdog& dog, std::function<std::string()> probe);
        ~Probe();
        Probe(const Probe&) = delete;
        Probe& operator=(const Probe&) = delete;

    private:
        Watchdog& dog_;
    };

    /// Reports a library's error of the main thread, perhaps because another rank is dead: one that
    /// turns out to be within a moment is named instead of this one. Returns after the report; the
    /// caller aborts the job then, and the process ends soon if it does not. Needs a Watch.
    void give_up(std::string error);
    /// No timeout until one is set.
    void set_timeout(double seconds) { timeout_ = seconds; }
    /// Called on one rank of each host, from the watchdog's thread.
    using OnAbort = std::function<void(const AbortReason&)>;
    void set_on_abort(OnAbort on_abort);
    /// To be held while a file is being written: a rank is not ended in the middle of it.
    [[nodiscard]] std::timed_mutex& files() { return files_; }

private:
    void run();
    /// Checks everything but signals; does not return if this rank has to go.
    void check();
    void check_for_dead_ranks(const Heartbeat& heartbeat);
    void check_for_cause(Heartbeat& heartbeat);
    [[noreturn]] void end_stuck(Heartbeat& heartbeat);
    /// Gives kernels of this rank the time to say for whom they waited.
    void hear_kernels(Heartbeat& heartbeat);
    void on_signal(int signal);
    [[noreturn]] void end(const AbortReason& reason);

    Launcher launcher_;
    bool launcher_gone_{};
    double seconds_with_dead_{}, seconds_with_error_{};
    std::atomic<double> timeout_;
    std::atomic<bool> stop_{}, gave_up_{}, reported_{};

    std::mutex mutex_;  ///< guards the next five
    Heartbeat* heartbeat_{};
    bool watched_{};  ///< there was a heartbeat once
    OnAbort on_abort_;
    std::function<std::string()> probe_;
    std::string error_;  ///< of this rank; empty: none

    std::timed_mutex files_;
    std::thread thread_;
};

/// Names the rank of one host that is stuck, its phase and its case, where none has made progress
/// for `seconds`.
[[nodiscard]] AbortReason stuck_reason(const std::vector<RankStatus>& ranks, double seconds);
/// What ranks of one host recorded as errors, to be added to a message; empty where none did.
[[nodiscard]] std::string errors_of(const std::vector<RankStatus>& ranks);

}  // namespace moe
