#include "bench/measure/machine.hpp"

#include <sched.h>

#include <algorithm>
#include <map>
#include <string>

namespace moe {
namespace {

/// One character for each CPU, '1' where this process may run.
std::string affinity() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return "1";
    std::string text(CPU_SETSIZE, '0');
    for (std::size_t cpu = 0; cpu < text.size(); ++cpu) {
        if (CPU_ISSET(cpu, &allowed)) text[cpu] = '1';
    }
    return text;
}

struct Host {
    int ranks{};
    std::string cpus;
};

}  // namespace

Machine discover_machine(Control& control) {
    std::map<std::string, Host> hosts;
    const auto cpus = control.all_texts(affinity());
    for (std::size_t rank = 0; rank < cpus.size(); ++rank) {
        auto& host = hosts[control.host_names()[rank]];
        ++host.ranks;
        host.cpus.resize(std::max(host.cpus.size(), cpus[rank].size()), '0');
        for (std::size_t cpu = 0; cpu < cpus[rank].size(); ++cpu) {
            if (cpus[rank][cpu] == '1') host.cpus[cpu] = '1';
        }
    }
    Machine machine{static_cast<int>(hosts.size()), 0, CPU_SETSIZE};
    for (const auto& [name, host] : hosts) {
        const auto cores = static_cast<int>(std::count(host.cpus.begin(), host.cpus.end(), '1'));
        machine.ranks_on_host = std::max(machine.ranks_on_host, host.ranks);
        machine.cores_on_host = std::min(machine.cores_on_host, cores);
    }
    return machine;
}

std::string_view host_claim(const Machine& machine) {
    if (machine.oversubscribed()) return "functional";
    return machine.hosts > 1 ? "interconnect" : "memory";
}

}  // namespace moe
