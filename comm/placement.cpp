#include "comm/placement.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace moe {
namespace {

constexpr std::string_view kInterconnect = "interconnect", kMemory = "memory",
                           kFunctional = "functional";

}  // namespace

Placement place_on_cores(const Machine& machine) {
    const bool network = machine.hosts > 1;
    return {.claim = machine.oversubscribed() ? kFunctional
                     : network                ? kInterconnect
                                              : kMemory,
            .transport = network ? "network" : "shared_memory",
            .ranks_per_device = static_cast<int>(
                std::ceil(machine.ranks_on_host / std::max(1.0, machine.cpus_on_host()))),
            .sharing_memory = machine.ranks_on_host};
}

Placement place_on_gpus(int ranks, int ranks_per_gpu, std::string transport) {
    return {.claim = ranks_per_gpu > 1 ? kFunctional
                     : ranks == 1      ? kMemory
                                       : kInterconnect,
            .transport = std::move(transport),
            .ranks_per_device = ranks_per_gpu,
            .sharing_memory = ranks_per_gpu};
}

}  // namespace moe
