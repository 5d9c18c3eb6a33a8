#include "comm/process_view.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace moe {
namespace {

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

std::vector<int> lineage() {
    std::vector<int> chain;
    for (int pid = getpid(); pid > 0; pid = parent_of_process(pid)) chain.push_back(pid);
    return chain;
}

}  // namespace moe
