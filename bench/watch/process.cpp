#include "bench/watch/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <string_view>

namespace moe {
namespace {

/// What a signal handler may read: no allocation, no lock.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): a handler has no arguments.
std::array<char, 256> crash_prefix{};

/// Only calls that POSIX allows in a signal handler.
void say_crash(int signal) {
    const auto put = [](std::string_view text) {
        // A failed write cannot be reported.
        [[maybe_unused]] const auto written = write(STDERR_FILENO, text.data(), text.size());
    };
    put({crash_prefix.data(), strnlen(crash_prefix.data(), crash_prefix.size())});
    put(": died of signal ");
    const std::array digits{static_cast<char>('0' + signal / 10),
                            static_cast<char>('0' + signal % 10), '\n'};
    put({digits.data(), digits.size()});
    std::signal(signal, SIG_DFL);  // then the instruction is tried again, and ends the process
    raise(signal);
}

}  // namespace

std::string signal_name(int signal) {
    const char* name = sigabbrev_np(signal);
    return fmt::format("SIG{} ({})", name == nullptr ? "?" : name, signal);
}

void keep_standard_streams() {
    for (int file = open("/dev/null", O_RDWR); file >= 0; file = open("/dev/null", O_RDWR)) {
        if (file <= STDERR_FILENO) continue;
        close(file);
        return;
    }
}

bool is_default(int signal) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    return action.sa_handler == SIG_DFL;
}

std::vector<int> unhandled_crashes() {
    std::vector<int> unhandled;
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
        if (is_default(signal)) unhandled.push_back(signal);
    }
    return unhandled;
}

void report_crashes(const std::vector<int>& signals, const std::string& who) {
    std::copy_n(who.begin(), std::min(who.size(), crash_prefix.size() - 1), crash_prefix.begin());
    for (const int signal : signals) {
        struct sigaction action {};
        action.sa_handler = say_crash;
        sigaction(signal, &action, nullptr);
    }
}

}  // namespace moe
