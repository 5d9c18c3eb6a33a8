#include "comm/machine.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>

namespace moe {
namespace {

/// The lowest hardware thread of the core that `cpu` belongs to; itself where nobody says.
std::size_t first_thread(std::size_t cpu) {
    std::ifstream file(
        fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
    std::size_t first = 0;
    return file >> first ? first : cpu;
}

/// One character for each core, '1' where this process may run on one of its hardware threads.
std::string affinity() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return "1";
    std::string text(CPU_SETSIZE, '0');
    for (std::size_t cpu = 0; cpu < text.size(); ++cpu) {
        if (CPU_ISSET(cpu, &allowed)) text[first_thread(cpu)] = '1';
    }
    return text;
}

/// The cores' worth of time that a container's quota leaves, at least 1; no limit where there is
/// none.
int quota_cores() {
    std::ifstream file("/sys/fs/cgroup/cpu.max");
    double quota = 0;
    double period = 0;
    if (!(file >> quota >> period) || period <= 0) return CPU_SETSIZE;
    return std::max(1, static_cast<int>(quota / period));
}

struct Host {
    int ranks{};
    std::string cores;
};

}  // namespace

Machine discover_machine(Control& control) {
    std::map<std::string, Host> hosts;
    const auto cores = control.all_texts(affinity());
    for (std::size_t rank = 0; rank < cores.size(); ++rank) {
        auto& host = hosts[control.host_names()[rank]];
        ++host.ranks;
        host.cores.resize(std::max(host.cores.size(), cores[rank].size()), '0');
        for (std::size_t core = 0; core < cores[rank].size(); ++core) {
            if (cores[rank][core] == '1') host.cores[core] = '1';
        }
    }
    const auto quota = -static_cast<int>(control.max(-quota_cores()));
    Machine machine{static_cast<int>(hosts.size()), 0, quota};
    for (const auto& [name, host] : hosts) {
        const auto count = static_cast<int>(std::count(host.cores.begin(), host.cores.end(), '1'));
        machine.ranks_on_host = std::max(machine.ranks_on_host, host.ranks);
        machine.cores_on_host = std::min(machine.cores_on_host, count);
    }
    return machine;
}

}  // namespace moe
