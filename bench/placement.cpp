#include "bench/placement.hpp"

namespace moe {

Placement place_ranks(const Machine& machine, const Backend& backend) {
    if (!backend.gpus) {
        return {.claim = host_claim(machine),
                .transport = machine.hosts > 1 ? "network" : "shared_memory",
                .ranks_per_device =
                    (machine.ranks_on_host + machine.cores_on_host - 1) / machine.cores_on_host,
                .sharing_memory = machine.ranks_on_host};
    }
    const auto& gpus = *backend.gpus;
    Placement placement{.claim = "interconnect",
                        .transport = gpus.transport,
                        .ranks_per_device = gpus.ranks_per_gpu,
                        .sharing_memory = gpus.ranks_per_gpu};
    if (gpus.ranks_per_gpu > 1) {
        placement.claim = "functional";
    } else if (backend.world->size() == 1) {
        placement.claim = "memory";
    }
    return placement;
}

}  // namespace moe
