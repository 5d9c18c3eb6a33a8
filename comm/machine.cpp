#include "comm/machine.hpp"

#include "comm/kernel_view.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

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

/// What the ranks under one kernel have together.
struct Kernel {
    int ranks{};
    std::string cores;
    std::map<std::string, int> quotas;  ///< in cores, by host name: containers have one each

    void add(const RankPlace& rank) {
        ++ranks;
        cores.resize(std::max(cores.size(), rank.cores.size()), '0');
        for (std::size_t core = 0; core < rank.cores.size(); ++core) {
            if (rank.cores[core] == '1') cores[core] = '1';
        }
        auto& least = quotas.try_emplace(rank.host, rank.quota).first->second;
        least = std::min(least, rank.quota);
    }
    [[nodiscard]] int usable_cores() const {
        const auto all = static_cast<int>(std::count(cores.begin(), cores.end(), '1'));
        return std::accumulate(quotas.begin(), quotas.end(), 0, [&](int sum, const auto& of_host) {
            return std::min(all, sum + of_host.second);
        });
    }
};

}  // namespace

Machine machine_of(const std::vector<RankPlace>& ranks) {
    std::set<std::string> hosts, clocks;
    std::map<std::string, Kernel> kernels;
    for (const auto& rank : ranks) {
        const auto& kernel = rank.boot.empty() ? rank.host : rank.boot;
        hosts.insert(rank.host);
        clocks.insert(kernel + rank.time_namespace);
        kernels[kernel].add(rank);
    }
    Machine machine{.hosts = static_cast<int>(hosts.size()),
                    .ranks_on_host = 0,
                    .cores_on_host = CPU_SETSIZE,
                    .kernels = static_cast<int>(kernels.size()),
                    .one_clock = clocks.size() == 1};
    for (const auto& [id, kernel] : kernels) {
        machine.ranks_on_host = std::max(machine.ranks_on_host, kernel.ranks);
        machine.cores_on_host = std::min(machine.cores_on_host, kernel.usable_cores());
    }
    return machine;
}

Machine discover_machine(Control& control) {
    const auto& hosts = control.host_names();
    const auto boots = control.all_texts(boot_id());
    const auto times = control.all_texts(namespace_id("time"));
    const auto cores = control.all_texts(affinity());
    const auto quotas = control.all_texts(fmt::format("{}", quota_cores()));
    std::vector<RankPlace> ranks;
    for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
        ranks.push_back(
            {hosts[rank], boots[rank], times[rank], cores[rank], std::stoi(quotas[rank])});
    }
    return machine_of(ranks);
}

}  // namespace moe
