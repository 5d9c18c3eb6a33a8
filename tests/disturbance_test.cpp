// How much of its time a thread lost to others, read from folders that look like /proc.
#include "bench/measure/disturbance.hpp"
#include "kernels/runtime/clock.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

namespace moe {
namespace {

namespace fs = std::filesystem;

/// A /proc in which the calling thread waited, and its processors were another machine's.
class FakeProc {
public:
    FakeProc() {
        std::string name = fs::temp_directory_path() / "moe_proc.XXXXXX";
        folder_ = mkdtemp(name.data());
        fs::create_directories(folder_ / "thread-self");
    }
    ~FakeProc() { fs::remove_all(folder_); }
    FakeProc(const FakeProc&) = delete;
    FakeProc& operator=(const FakeProc&) = delete;

    void say(double waited, double stolen) const {
        std::ofstream(folder_ / "thread-self/schedstat")
            << fmt::format("123 {:.0f} 7\n", waited * 1e9);
        std::ofstream file(folder_ / "stat");
        const auto ticks = stolen * static_cast<double>(sysconf(_SC_CLK_TCK));
        file << "cpu  1 2 3 4 5 6 7 999999 9 10\n";
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
            file << fmt::format("cpu{} 1 2 3 4 5 6 7 {:.0f} 9 10\n", cpu, ticks);
        }
        file << "intr 1\n";
    }
    [[nodiscard]] const fs::path& folder() const { return folder_; }

private:
    fs::path folder_;
};

TEST(Disturbance, IsWhatTheThreadWaitedAndWhatWasStolen) {
    const FakeProc proc;
    proc.say(10, 20);
    Disturbance disturbance(proc.folder());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(disturbance.share(), 0);
    const auto share_after = [&](double waited, double stolen) {
        const double start = steady_seconds();
        proc.say(10, 20);
        Disturbance since(proc.folder());
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        proc.say(10 + waited, 20 + stolen);
        const double share = since.share().value();
        // No longer than all of this took, and no shorter than the sleep.
        EXPECT_GE(share, (waited + stolen) / (steady_seconds() - start) - 1e-9);
        EXPECT_LE(share, (waited + stolen) / 0.02 + 1e-9);
    };
    share_after(0.005, 0);
    share_after(0, 0.01);
    share_after(0.002, 0.01);
}

TEST(Disturbance, SaysNothingWhereTheKernelDoesNot) {
    EXPECT_EQ(Disturbance("/nowhere").share(), std::nullopt);
}

TEST(Disturbance, OfThisMachineIsAShare) {
    const auto share = Disturbance().share();
    EXPECT_TRUE(!share || (*share >= 0 && *share <= 1)) << *share;
}

}  // namespace
}  // namespace moe
