#include "comm/machine.hpp"

#include "kernels/runtime/control_groups.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
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

/// "1.5 4026531835": the quota of this process, and the group whose it is.
std::string quota() {
    const auto found = ControlGroups().cpu_quota();
    return fmt::format("{} {}", found.cpus, found.group);
}

/// Of the ranks of one host: those of one group share its quota, those of several have them all.
class Quotas {
public:
    void add(const std::string& text) {
        std::string cpus, group;
        std::istringstream(text) >> cpus >> group;
        by_group_[group] = std::stod(cpus);
    }
    [[nodiscard]] double cpus() const {
        double sum = 0;
        for (const auto& [group, cpus] : by_group_) sum += cpus;
        return sum;
    }

private:
    std::map<std::string, double> by_group_;
};

struct Host {
    int ranks{};
    std::string cores;
    Quotas quotas;

    [[nodiscard]] int cores_of_affinity() const {
        return static_cast<int>(std::count(cores.begin(), cores.end(), '1'));
    }
};

}  // namespace

Machine discover_machine(Control& control) {
    std::map<std::string, Host> hosts;
    const auto cores = control.all_texts(affinity());
    const auto quotas = control.all_texts(quota());
    for (std::size_t rank = 0; rank < cores.size(); ++rank) {
        auto& host = hosts[control.host_names()[rank]];
        ++host.ranks;
        host.quotas.add(quotas[rank]);
        host.cores.resize(std::max(host.cores.size(), cores[rank].size()), '0');
        for (std::size_t core = 0; core < cores[rank].size(); ++core) {
            if (cores[rank][core] == '1') host.cores[core] = '1';
        }
    }
    Machine machine{static_cast<int>(hosts.size()), 0, CPU_SETSIZE};
    for (const auto& [name, host] : hosts) {
        machine.ranks_on_host = std::max(machine.ranks_on_host, host.ranks);
        machine.cores_on_host = std::min(machine.cores_on_host, host.cores_of_affinity());
        machine.cpu_quota = std::min(machine.cpu_quota, host.quotas.cpus());
    }
    return machine;
}

}  // namespace moe
