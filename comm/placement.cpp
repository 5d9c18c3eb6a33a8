#include "comm/placement.hpp"

#include <utility>

namespace moe {
namespace {

constexpr std::string_view kInterconnect = "interconnect", kMemory = "memory",
                           kFunctional = "functional";

}  // namespace

Placement place_on_cores(const Machine& machine, bool library_shares_memory) {
    const bool network = machine.kernels > 1;
    return {.claim = machine.oversubscribed() ? kFunctional
                     : network                ? kInterconnect
                                              : kMemory,
            .transport = network                 ? "network"
                         : library_shares_memory ? "shared_memory"
                                                 : "sockets",
            .ranks_per_device =
                (machine.ranks_on_host + machine.cores_on_host - 1) / machine.cores_on_host,
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
