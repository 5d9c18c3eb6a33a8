#pragma once

#include "bench/watch/launcher.hpp"
#include "bench/watch/progress_board.hpp"

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace moe {

/// How a run ended before its time, for status.json and for the user.
struct AbortReason {
    std::string_view state;  ///< "interrupted", "timed_out" or "failed"
    std::string message;     ///< one line
    bool said{};             ///< the rank that failed has printed why already
    bool is_secondary{};     ///< nobody of this host is at fault: somebody of another may be
};

/// Ends this rank, with status 3, when it has no future: a signal asks it to go, its launcher died,
/// another rank of its host died and nobody does anything about it, or a rank makes no progress. A
/// thread, because the main thread may be inside a collective that never returns; it calls neither
/// MPI nor anything that waits for another process. One rank of each host says what happened.
class Watchdog {
public:
    /// Before MPI starts, which may hang as well. One in a process: it takes the signals by which
    /// users, terminals and batch systems ask a program to go, those that nobody handles or
    /// ignores.
    Watchdog();
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    /// From here to the end of the Watch, `board` is looked at. Without one, a signal before the
    /// first Watch ends the rank, and one after it finds a rank that is leaving anyway.
    class [[nodiscard]] Watch {
    public:
        Watch(Watchdog& dog, ProgressBoard& board);
        ~Watch();
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;

    private:
        Watchdog& dog_;
    };

    /// While it lives, `probe` is asked at every look, from the watchdog's thread: a text that it
    /// answers is a symptom, as give_up() has one, of which the main thread may never hear. Null is
    /// fine.
    class [[nodiscard]] Probe {
    public:
        Probe(Watchdog& dog, std::function<std::string()> probe);
        ~Probe();
        Probe(const Probe&) = delete;
        Probe& operator=(const Probe&) = delete;

    private:
        Watchdog& dog_;
    };

    /// For the main thread, which a library refused, perhaps because another rank is dead: one that
    /// turns out to be within a moment is named instead of this one. Returns when the user has been
    /// told; the process is to abort the job then, and ends soon if it does not. While there is a
    /// Watch.
    void give_up(std::string symptom);
    /// No timeout until one is set.
    void set_timeout(double seconds) { timeout_ = seconds; }
    /// Called on one rank of each host, from the watchdog's thread.
    using Tell = std::function<void(const AbortReason&)>;
    void set_tell(Tell tell);
    /// To be held while a file is being written: a rank is not ended in the middle of it.
    [[nodiscard]] std::timed_mutex& files() { return files_; }

private:
    void run();
    /// One look at everything but signals; does not return if this rank has to go.
    void look();
    void look_for_the_dead(const ProgressBoard& board);
    void look_for_the_cause(ProgressBoard& board);
    void on_signal(int signal);
    [[noreturn]] void end(const AbortReason& reason);

    Launcher launcher_;
    bool launcher_gone_{};
    double seconds_with_dead_{}, seconds_suffering_{};
    std::atomic<double> timeout_;
    std::atomic<bool> stop_{}, gave_up_{}, told_{};

    std::mutex mutex_;  ///< guards the next five
    ProgressBoard* board_{};
    bool watched_{};  ///< there was a board once
    Tell tell_;
    std::function<std::string()> probe_;
    std::string symptom_;  ///< of this rank; empty: none

    std::timed_mutex files_;
    std::thread thread_;
};

/// Why a rank gets no further: which one, doing what, in which case; of one host's ranks, of which
/// at least one has said nothing for `seconds`.
[[nodiscard]] AbortReason reason_of_stuck(const std::vector<RankView>& ranks, double seconds);

}  // namespace moe
