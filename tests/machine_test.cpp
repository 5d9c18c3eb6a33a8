// What ranks find out about their machine, and what their numbers may therefore be used for.
#include "comm/machine.hpp"
#include "comm/mpi/mpi_bootstrap.hpp"
#include "comm/mpi/side_core.hpp"
#include "comm/placement.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace moe {
namespace {

TEST(Machine, CountsCoresOnce) {
    const auto bootstrap = make_mpi_bootstrap();
    const auto machine = discover_machine(*bootstrap);
    EXPECT_EQ(machine.hosts, 1);
    EXPECT_EQ(machine.ranks_on_host, bootstrap->size());
    EXPECT_GE(machine.cores_on_host, 1);
    EXPECT_EQ(machine.kernels, 1);
    EXPECT_TRUE(machine.one_clock);
}

TEST(Machine, IsOneForContainersUnderOneKernel) {
    const RankInfo first{"node1", "kernel a", "time:1", "1100", {8, 7}};
    auto container = first;
    container.host = "node2";
    auto machine = machine_of({first, container});
    EXPECT_EQ(machine.hosts, 2);
    EXPECT_EQ(machine.kernels, 1);
    EXPECT_EQ(machine.ranks_on_host, 2);
    EXPECT_EQ(machine.cores_on_host, 2);
    EXPECT_TRUE(machine.one_clock);

    container.time_namespace = "time:2";
    EXPECT_FALSE(machine_of({first, container}).one_clock);

    auto other = container;
    other.boot = "kernel b";
    other.time_namespace = first.time_namespace;
    machine = machine_of({first, other});
    EXPECT_EQ(machine.kernels, 2);
    EXPECT_EQ(machine.ranks_on_host, 1);
    EXPECT_FALSE(machine.one_clock) << "namespaces have numbers of their own under each kernel";

    auto silent = first, unnamed = container;
    silent.boot = unnamed.boot = "";
    EXPECT_EQ(machine_of({silent, unnamed}).kernels, 2) << "where nobody says, names decide";
    EXPECT_EQ(machine_of({silent, silent}).kernels, 1);
}

RankInfo bound_to(const std::string& cores, const std::string& reachable, double cpus = 100) {
    return {"node", "kernel", "", cores, {cpus, 7}, reachable};
}

TEST(SideCore, IsTheNextOneThatNoRankWasGiven) {
    const std::vector<RankInfo> bound{bound_to("1000", "1111"), bound_to("0010", "1111")};
    EXPECT_EQ(side_core_of(bound, 0).cpu, 1);
    EXPECT_EQ(side_core_of(bound, 1).cpu, 3);
    EXPECT_FALSE(side_core_of(bound, 1).shared);
    auto elsewhere = bound;
    elsewhere[0].boot = "another kernel";
    EXPECT_EQ(side_core_of(elsewhere, 0).cpu, 1);
    EXPECT_EQ(side_core_of(elsewhere, 1).cpu, 0) << "the other rank's cores are not its";
}

TEST(SideCore, IsAmongThoseOfARankThatHasTwo) {
    for (const auto& cores :
         {std::vector<std::string>{"1100", "0011"}, std::vector<std::string>{"1111", "1111"}}) {
        const std::vector<RankInfo> ranks{bound_to(cores[0], "11111111"),
                                          bound_to(cores[1], "11111111")};
        for (const std::size_t rank : {0U, 1U}) {
            EXPECT_EQ(side_core_of(ranks, rank).cpu, std::nullopt);
            EXPECT_FALSE(side_core_of(ranks, rank).shared);
        }
    }
}

TEST(SideCore, IsSharedWhereThereAreTooFew) {
    const auto shared = [](const RankInfo& rank) {
        const auto core = side_core_of({rank, rank}, 1);
        EXPECT_TRUE(!core.shared || !core.cpu);
        return core.shared;
    };
    EXPECT_TRUE(shared(bound_to("110", "110")));
    EXPECT_TRUE(shared(bound_to("100", "110"))) << "one free core for two ranks";
    EXPECT_TRUE(shared(bound_to("1000", "1111", 3))) << "time of three cores for four threads";
    EXPECT_FALSE(shared(bound_to("1000", "1111", 4)));
    EXPECT_TRUE(shared(bound_to("1111", "1111", 3)));
}

TEST(Machine, AddsUpTheQuotasOfGroups) {
    const RankInfo first{"node1", "kernel", "", "1111", {1, 7}};
    auto second = first, third = first;
    EXPECT_EQ(machine_of({first, third}).cpus_on_host(), 1) << "two ranks of one container";
    second.quota = {1.5, 8};
    EXPECT_EQ(machine_of({first, second, third}).cpus_on_host(), 2.5) << "each its own";
    second.quota.cpus = 8;
    EXPECT_EQ(machine_of({first, second}).cpus_on_host(), 4) << "no more than there are";
}

TEST(Placement, SaysWhatRanksShareAndWhatTheirNumbersAreFor) {
    struct OnCores {
        Machine machine;
        bool library_shares_memory;
        std::string_view claim, transport;
        int ranks_per_core;
    };
    for (const auto& [machine, shares, claim, transport, ranks_per_core] :
         {OnCores{{1, 2, 2}, true, "memory", "shared_memory", 1},
          OnCores{{1, 3, 2}, true, "functional", "shared_memory", 2},
          OnCores{{1, 8, 2}, true, "functional", "shared_memory", 4},
          OnCores{{.cores_on_host = 2, .cpu_quota = 0.5}, true, "functional", "shared_memory", 1},
          OnCores{{1, 2, 2, 1, true, 1.5}, true, "functional", "shared_memory", 2},
          OnCores{{1, 2, 2, 1, true, 2}, true, "memory", "shared_memory", 1},
          OnCores{{2, 2, 2}, true, "memory", "shared_memory", 1},
          OnCores{{2, 2, 2}, false, "memory", "sockets", 1},
          OnCores{{2, 2, 2, 2}, false, "interconnect", "network", 1},
          OnCores{{2, 4, 2, 2}, false, "functional", "network", 2}}) {
        const auto placement = place_on_cores(machine, shares);
        EXPECT_EQ(to_string(placement.claim), claim);
        EXPECT_EQ(placement.transport, transport);
        EXPECT_EQ(placement.ranks_per_device, ranks_per_core);
        EXPECT_EQ(placement.sharing_memory, machine.ranks_on_host);
    }
    struct OnGpus {
        int ranks, ranks_per_gpu;
        bool foreign;
        std::string_view claim;
    };
    for (const auto& [ranks, ranks_per_gpu, foreign, claim] :
         {OnGpus{1, 1, false, "memory"}, OnGpus{8, 1, false, "interconnect"},
          OnGpus{8, 4, false, "functional"}, OnGpus{1, 1, true, "shared_machine"},
          OnGpus{8, 1, true, "shared_machine"}, OnGpus{8, 4, true, "shared_machine"}}) {
        const auto placement = place_on_gpus(ranks, ranks_per_gpu, "nvlink", foreign);
        EXPECT_EQ(to_string(placement.claim), claim);
        EXPECT_EQ(placement.transport, "nvlink");
        EXPECT_EQ(placement.ranks_per_device, ranks_per_gpu);
        EXPECT_EQ(placement.sharing_memory, ranks_per_gpu);
    }
}

TEST(Placement, NamesForeignProcessesButNotTheServerOfMps) {
    EXPECT_EQ(name_foreign({}, {}), "");
    EXPECT_EQ(name_foreign({{7, "/usr/bin/nvidia-cuda-mps-server"}}, {}), "");
    EXPECT_EQ(name_foreign({{5, "mpirun"}, {6, "bench_moe_comm"}}, {1, 5, 6}), "");
    EXPECT_EQ(name_foreign({{6, "bench_moe_comm"},
                            {7, "python3"},
                            {7, "python3"},
                            {8, ""},
                            {9, "nvidia-cuda-mps-server"},
                            {10, ""}},
                           {6}),
              "python3 (pid 7), 2 that the driver does not name");
}

}  // namespace
}  // namespace moe
