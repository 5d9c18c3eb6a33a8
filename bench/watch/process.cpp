#include "bench/watch/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

namespace moe {
namespace {

/// What a signal handler may read: no allocation, no lock.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): a handler has no arguments.
std::array<char, 256> crash_prefix{};

/// Only calls that POSIX allows in a signal handler.
void say_crash(int signal) {
    const auto put = [](std::string_view text) {
        // Nobody to complain to.
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

/// Whether /proc shows processes by the ids that they have for this one: a PID namespace may have
/// been made without mounting it anew.
bool proc_is_ours() {
    std::error_code none;
    return std::filesystem::read_symlink("/proc/self", none) == std::to_string(getpid());
}

/// What the kernel says of a process: its state, its parent, and more; empty if nothing.
std::string stat_of(int pid) {
    std::string line;
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    if (!proc_is_ours() || !std::getline(file, line)) return {};
    // "pid (name) state ...", and the name may hold anything.
    const auto name_end = line.rfind(") ");
    return name_end == std::string::npos ? "" : line.substr(name_end + 2);
}

}  // namespace

ProcessState state_of_process(int pid) {
    const auto stat = stat_of(pid);
    if (stat.empty()) {
        // Not being able to look (no more descriptors, say) is no proof.
        return kill(pid, 0) != 0 && errno == ESRCH ? ProcessState::gone : ProcessState::running;
    }
    switch (stat.front()) {
        case 'T':
            return ProcessState::stopped;
        case 'Z':
        case 'X':
            return ProcessState::gone;
        default:
            return ProcessState::running;
    }
}

int parent_of_process(int pid) {
    char state = 0;
    int parent = 0;
    std::istringstream(stat_of(pid)) >> state >> parent;
    return parent;
}

std::vector<std::string> environment_of_process(int pid) {
    std::vector<std::string> variables;
    if (!proc_is_ours()) return variables;
    std::ifstream file(fmt::format("/proc/{}/environ", pid));
    for (std::string variable; std::getline(file, variable, '\0');) variables.push_back(variable);
    return variables;
}

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
