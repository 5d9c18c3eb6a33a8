// What ranks know of each other without MPI: the progress board, and what is said of a stuck rank.
#include "bench/watch/heartbeat.hpp"
#include "bench/watch/process.hpp"
#include "bench/watch/sealed_memory.hpp"
#include "bench/watch/watchdog.hpp"
#include "comm/mpi/mpi_bootstrap.hpp"
#include "comm/process_view.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace moe {
namespace {

TEST(Heartbeat, ShowsEveryRankOfTheHostToEveryRank) {
    const auto bootstrap = make_mpi_bootstrap();
    Heartbeat heartbeat(*bootstrap);
    const auto me = bootstrap->rank();
    heartbeat.begin_case("case " + std::to_string(me));
    for (int step = 0; step < me; ++step) heartbeat.set_phase("step " + std::to_string(step));
    bootstrap->barrier();
    const auto all = heartbeat.all();
    ASSERT_EQ(all.size(), static_cast<std::size_t>(bootstrap->size()));
    for (int rank = 0; rank < bootstrap->size(); ++rank) {
        const auto& status = all[static_cast<std::size_t>(rank)];
        EXPECT_EQ(status.rank, rank);
        EXPECT_EQ(status.case_label, "case " + std::to_string(rank));
        EXPECT_EQ(status.phase, rank == 0 ? "preparing" : "step " + std::to_string(rank - 1));
        EXPECT_EQ(status.steps, 2U + static_cast<std::uint64_t>(rank));
        EXPECT_EQ(state_of_process(status.pid), ProcessState::running);
        EXPECT_FALSE(status.ended);
    }
    EXPECT_EQ(heartbeat.mine().pid, getpid());
    EXPECT_FALSE(heartbeat.any_rank_died());
    EXPECT_LT(heartbeat.seconds_since_progress(), 60);

    if (me == 0) heartbeat.fail("no more memory");
    bootstrap->barrier();
    EXPECT_EQ(heartbeat.all().front().failure, "no more memory");
    const bool claimed = heartbeat.claim_report();
    EXPECT_EQ(bootstrap->sum(claimed ? 1 : 0), 1) << "one rank tells the user";
    EXPECT_TRUE(heartbeat.reported());
    heartbeat.leave();
    bootstrap->barrier();
    EXPECT_EQ(heartbeat.seconds_since_progress(), 0) << "nobody is waited for any more";
}

TEST(Heartbeat, IsAsSilentAsItsLastRankToAdvance) {
    const auto bootstrap = make_mpi_bootstrap();
    Heartbeat heartbeat(*bootstrap);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    bootstrap->barrier();
    const auto steps = heartbeat.mine().steps;
    if (bootstrap->rank() == 0) heartbeat.advance();
    bootstrap->barrier();
    EXPECT_EQ(heartbeat.mine().steps, steps) << "it is still the same step";
    const auto first = heartbeat.all().front().seconds;
    const auto last = heartbeat.all().back().seconds;
    if (bootstrap->size() > 1) {
        EXPECT_GT(last, first + 0.01);
    }
    EXPECT_LT(heartbeat.seconds_since_progress(), first + 0.01)
        << "the others wait for one that advances";
}

/// A path to what this process has open under a number.
std::string path_of(int file) {
    return fmt::format("/proc/self/fd/{}", file);
}

TEST(SealedMemory, IsFoundByWhoKnowsItsNonce) {
    constexpr std::size_t kBytes = 1000;
    const auto made = SealedMemory::make(kBytes);
    ASSERT_TRUE(made);
    const auto found = SealedMemory::find(made.offer(), kBytes);
    ASSERT_TRUE(found);
    char byte = 'x';
    ASSERT_EQ(pwrite(found.file().get(), &byte, 1, SealedMemory::kBegin), 1);
    byte = 0;
    EXPECT_EQ(pread(made.file().get(), &byte, 1, SealedMemory::kBegin), 1);
    EXPECT_EQ(byte, 'x') << "the same memory";
    EXPECT_NE(ftruncate(found.file().get(), 0), 0) << "its size is sealed";

    EXPECT_FALSE(SealedMemory::find(made.offer(), kBytes + 1));
    const auto other = SealedMemory::make(kBytes);
    EXPECT_NE(other.offer().nonce, made.offer().nonce);
    EXPECT_FALSE(SealedMemory::find({made.offer().path, other.offer().nonce}, kBytes));
    EXPECT_FALSE(SealedMemory::find({"", ""}, kBytes)) << "who could make none offers that";
}

TEST(SealedMemory, IsNoFileOfAUser) {
    constexpr std::size_t kBytes = 1000;
    const auto made = SealedMemory::make(kBytes);
    // As large, and with the nonce: a file in memory that anybody may have open.
    const Descriptor unsealed(memfd_create("user", MFD_CLOEXEC));
    ASSERT_EQ(ftruncate(unsealed.get(), SealedMemory::kBegin + kBytes), 0);
    const auto& nonce = made.offer().nonce;
    ASSERT_EQ(pwrite(unsealed.get(), nonce.data(), nonce.size(), 0),
              static_cast<ssize_t>(nonce.size()));
    EXPECT_FALSE(SealedMemory::find({path_of(unsealed.get()), nonce}, kBytes));

    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    const Descriptor reads(ends[0]), writes(ends[1]);
    EXPECT_FALSE(SealedMemory::find({path_of(ends[0]), nonce}, kBytes)) << "nor waits for a pipe";
}

TEST(Heartbeat, CutsWhatIsTooLong) {
    const auto bootstrap = make_mpi_bootstrap();
    Heartbeat heartbeat(*bootstrap);
    const std::string text(1000, 'x');
    heartbeat.set_phase(text);
    EXPECT_EQ(heartbeat.mine().phase, text.substr(0, Heartbeat::kTextBytes - 1));
    heartbeat.set_phase("");
    EXPECT_EQ(heartbeat.mine().phase, "");
}

RankStatus status_of(int rank, std::uint64_t steps, bool ended = false) {
    return {rank, getpid(), steps, 10, "measuring", "the case", "", "", ended};
}

TEST(StuckReason, NamesTheRankThatIsBehind) {
    EXPECT_EQ(stuck_reason({status_of(0, 7), status_of(1, 6), status_of(2, 7)}, 5).message,
              "no progress for 5 s: rank 1 got stuck while measuring in case the case");
    EXPECT_EQ(stuck_reason({status_of(0, 7), status_of(1, 7)}, 5).message,
              "no progress for 5 s: ranks 0, 1 got stuck while measuring in case the case");
    EXPECT_EQ(stuck_reason({status_of(0, 3, true), status_of(1, 7)}, 5).message,
              "no progress for 5 s: rank 1 got stuck while measuring in case the case");
}

/// A process that does nothing until it is killed.
class Sleeper {
public:
    Sleeper() : pid_(fork()) {
        while (pid_ == 0) pause();
    }
    ~Sleeper() { end(); }
    Sleeper(const Sleeper&) = delete;
    Sleeper& operator=(const Sleeper&) = delete;

    [[nodiscard]] int pid() const { return pid_; }
    void stop() const {
        kill(pid_, SIGSTOP);
        waitpid(pid_, nullptr, WUNTRACED);
    }
    void end() {
        if (pid_ == 0) return;
        kill(pid_, SIGKILL);
        siginfo_t info{};
        waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
        zombie_ = state_of_process(pid_);
        waitpid(pid_, nullptr, 0);
        reaped_ = state_of_process(pid_);
        pid_ = 0;
    }
    [[nodiscard]] ProcessState zombie() const { return zombie_; }
    [[nodiscard]] ProcessState reaped() const { return reaped_; }

private:
    int pid_;
    ProcessState zombie_{}, reaped_{};
};

TEST(Process, IsRunningStoppedOrGone) {
    Sleeper sleeper;
    EXPECT_EQ(state_of_process(sleeper.pid()), ProcessState::running);
    sleeper.stop();
    EXPECT_EQ(state_of_process(sleeper.pid()), ProcessState::stopped);

    auto stopped = status_of(1, 7);
    stopped.pid = sleeper.pid();
    EXPECT_EQ(stuck_reason({status_of(0, 7), stopped}, 5).message,
              "no progress for 5 s: rank 1 was stopped by a signal while measuring in case the "
              "case")
        << "of two that are as far, the one that cannot go on";
    EXPECT_FALSE(stuck_reason({status_of(0, 7), stopped}, 5).is_secondary);
    EXPECT_TRUE(stuck_reason({status_of(0, 7), status_of(1, 7)}, 5).is_secondary);
    sleeper.end();
    EXPECT_EQ(sleeper.zombie(), ProcessState::gone) << "nobody has reaped it";
    EXPECT_EQ(sleeper.reaped(), ProcessState::gone);
}

/// A process that lives as rank 0 of `heartbeat` under a watchdog and does `fail`, which ends in
/// nothing: what was said at its end, and its status.
std::pair<std::string, int> end_of_rank(
    Heartbeat& heartbeat, const std::function<void(Watchdog&)>& fail,
    const std::function<void()>& before = [] {}) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) return {};
    const int child = fork();
    if (child == 0) {
        before();
        Watchdog dog;
        const Watchdog::Watch watch(dog, heartbeat);
        dog.set_on_abort([&](const AbortReason& reason) {
            const auto said = fmt::format("{}: {}", reason.state, reason.message);
            [[maybe_unused]] const auto bytes = write(ends[1], said.data(), said.size());
        });
        fail(dog);
        std::this_thread::sleep_for(std::chrono::seconds(20));
        _exit(0);
    }
    close(ends[1]);
    std::string said(200, '\0');
    const auto bytes = read(ends[0], said.data(), said.size());
    said.resize(static_cast<std::size_t>(std::max<ssize_t>(bytes, 0)));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return {said, WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

/// Of what the main thread may never hear, since it waits for the device.
void fail_by_probe(Watchdog& dog) {
    std::atomic<bool> broken{};
    const Watchdog::Probe probe(dog, [&] { return broken ? "a peer is gone" : ""; });
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    broken = true;
    std::this_thread::sleep_for(std::chrono::seconds(20));
}
void fail_by_call(Watchdog& dog) {
    dog.give_up("a peer is gone");
}

TEST(Watchdog, EndsARankThatSuffersFromWhatNobodyExplains) {
    const auto bootstrap = make_mpi_bootstrap();
    for (const auto& fail : {fail_by_probe, fail_by_call}) {
        Heartbeat heartbeat(*bootstrap);
        heartbeat.set_phase("exchanging rows");
        if (bootstrap->rank() == 0) {
            const auto [said, status] = end_of_rank(heartbeat, fail);
            EXPECT_EQ(status, 3);
            EXPECT_EQ(said, "failed: rank 0: a peer is gone while exchanging rows");
        }
        bootstrap->barrier();
    }
}

TEST(Watchdog, EndsARankThatIsAskedToGoByAnySignal) {
    const auto bootstrap = make_mpi_bootstrap();
    for (const int signal :
         {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU}) {
        Heartbeat heartbeat(*bootstrap);
        heartbeat.set_phase("exchanging rows");
        if (bootstrap->rank() == 0) {
            const auto [said, status] = end_of_rank(
                heartbeat, [&](Watchdog&) { std::raise(signal); },
                [&] { std::signal(signal, SIG_DFL); });
            EXPECT_EQ(status, 3) << signal_name(signal);
            EXPECT_EQ(said, fmt::format("interrupted: ended by {} while exchanging rows",
                                        signal_name(signal)));
        }
        bootstrap->barrier();
    }
}

TEST(Watchdog, LeavesSignalsAloneThatWereIgnored) {
    const auto bootstrap = make_mpi_bootstrap();
    Heartbeat heartbeat(*bootstrap);
    if (bootstrap->rank() == 0) {
        constexpr int kLived = 7;
        const auto raise_all = [](Watchdog&) {
            for (const int signal : {SIGHUP, SIGUSR1, SIGXFSZ, SIGPIPE}) std::raise(signal);
            std::this_thread::sleep_for(std::chrono::milliseconds(300));
            _exit(kLived);
        };
        const auto [said, status] = end_of_rank(heartbeat, raise_all, [] {
            for (const int signal : {SIGHUP, SIGUSR1}) std::signal(signal, SIG_IGN);
        });
        EXPECT_EQ(status, kLived);
        EXPECT_EQ(said, "");
    }
    bootstrap->barrier();
}

TEST(Watchdog, WaitsForARankThatAdvancesAndNotForOneThatHangs) {
    const auto bootstrap = make_mpi_bootstrap();
    Heartbeat heartbeat(*bootstrap);
    heartbeat.set_phase("making weights");
    if (bootstrap->rank() == 0) {
        constexpr std::chrono::milliseconds kWorks{1500};
        const auto start = std::chrono::steady_clock::now();
        const auto works = [&] { return std::chrono::steady_clock::now() - start < kWorks; };
        const auto [said, status] = end_of_rank(heartbeat, [&](Watchdog& dog) {
            dog.set_timeout(1);
            for (; works(); heartbeat.advance()) {
                std::this_thread::sleep_for(std::chrono::milliseconds(50));
            }
        });
        EXPECT_FALSE(works()) << "ended while it advanced";
        EXPECT_EQ(status, 3);
        EXPECT_EQ(said.find("timed_out: no progress for 1 s: rank"), 0U) << said;
    }
    bootstrap->barrier();
}

/// A kernel gives up after the timeout only, since it cannot tell which rank is at fault.
TEST(Watchdog, SaysForWhomKernelsOfAStuckRankWaited) {
    const auto bootstrap = make_mpi_bootstrap();
    Heartbeat heartbeat(*bootstrap);
    heartbeat.set_phase("exchanging rows");
    if (bootstrap->rank() == 0) {
        const auto [said, status] = end_of_rank(heartbeat, [&](Watchdog& dog) {
            constexpr double kTimeout = 0.5, kPatience = 1;
            const auto waited = [&] { return heartbeat.seconds_since_progress() > kPatience; };
            const Watchdog::Probe probe(
                dog, [&] { return waited() ? "a kernel waited for rank 1" : ""; });
            dog.set_timeout(kTimeout);
            std::this_thread::sleep_for(std::chrono::seconds(20));
        });
        EXPECT_EQ(status, 3);
        EXPECT_EQ(said.find("timed_out: no progress for 0.5 s: rank"), 0U) << said;
        constexpr std::string_view kWaited = " exchanging rows; rank 0: a kernel waited for rank 1";
        EXPECT_TRUE(said.ends_with(kWaited)) << said;
    }
    bootstrap->barrier();
}

}  // namespace
}  // namespace moe
