#include "comm/machine.hpp"

#include "comm/kernel_view.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace moe {
namespace {

/// The lowest hardware thread of the core that `cpu` belongs to; itself where unknown.
std::size_t first_thread(std::size_t cpu) {
    std::ifstream file(
        fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
    std::size_t first = 0;
    return file >> first ? first : cpu;
}

/// One character for each core, '1' where this thread may run on one of its hardware threads.
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

/// Where a thread of this process may go that gives up what it inherited.
std::string reachable_cores() {
    std::string cores;
    std::thread([&] {
        cpu_set_t all;
        std::memset(&all, 0xff, sizeof all);
        sched_setaffinity(0, sizeof all, &all);  // the kernel leaves out what it may not have
        cores = affinity();
    }).join();
    return cores;
}

/// "1.5 4026531835": the quota of this process, and the group whose it is.
std::string quota() {
    const auto found = ControlGroups().cpu_quota();
    return fmt::format("{} {}", found.cpus, found.group);
}

CpuQuota parse_quota(const std::string& text) {
    std::istringstream words(text);
    std::string cpus;
    CpuQuota quota{};
    words >> cpus >> quota.group;
    quota.cpus = std::stod(cpus);  // "inf" too
    return quota;
}

/// What the ranks under one kernel have together.
struct Kernel {
    int ranks{};
    std::string cores;
    std::map<std::uint64_t, double> quotas;  ///< by group, whose processes share it

    void add(const RankInfo& rank) {
        ++ranks;
        cores.resize(std::max(cores.size(), rank.cores.size()), '0');
        for (std::size_t core = 0; core < rank.cores.size(); ++core) {
            if (rank.cores[core] == '1') cores[core] = '1';
        }
        quotas[rank.quota.group] = rank.quota.cpus;
    }
    [[nodiscard]] int usable_cores() const {
        return static_cast<int>(std::count(cores.begin(), cores.end(), '1'));
    }
    [[nodiscard]] double quota() const {
        double sum = 0;
        for (const auto& [group, cpus] : quotas) sum += cpus;
        return sum;
    }
};

}  // namespace

Machine machine_of(const std::vector<RankInfo>& ranks) {
    std::set<std::string> hosts, clocks;
    std::map<std::string, Kernel> kernels;
    for (const auto& rank : ranks) {
        hosts.insert(rank.host);
        clocks.insert(rank.kernel() + rank.time_namespace);
        kernels[rank.kernel()].add(rank);
    }
    Machine machine{.hosts = static_cast<int>(hosts.size()),
                    .ranks_on_host = 0,
                    .cores_on_host = CPU_SETSIZE,
                    .kernels = static_cast<int>(kernels.size()),
                    .one_clock = clocks.size() == 1};
    for (const auto& [id, kernel] : kernels) {
        machine.ranks_on_host = std::max(machine.ranks_on_host, kernel.ranks);
        machine.cores_on_host = std::min(machine.cores_on_host, kernel.usable_cores());
        machine.cpu_quota = std::min(machine.cpu_quota, kernel.quota());
    }
    return machine;
}

std::vector<RankInfo> discover_ranks(Bootstrap& bootstrap) {
    const auto& hosts = bootstrap.host_names();
    const auto boots = bootstrap.all_gather_strings(boot_id());
    const auto times = bootstrap.all_gather_strings(namespace_id("time"));
    const auto cores = bootstrap.all_gather_strings(affinity());
    const auto quotas = bootstrap.all_gather_strings(quota());
    const auto reachable = bootstrap.all_gather_strings(reachable_cores());
    std::vector<RankInfo> ranks;
    for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
        ranks.push_back({hosts[rank], boots[rank], times[rank], cores[rank],
                         parse_quota(quotas[rank]), reachable[rank]});
    }
    return ranks;
}

Machine discover_machine(Bootstrap& bootstrap) {
    return machine_of(discover_ranks(bootstrap));
}

}  // namespace moe
