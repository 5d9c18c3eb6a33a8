#pragma once

#include "comm/machine.hpp"
#include "kernels/runtime/device.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// What the numbers of a placement may be used for, the strongest first.
enum class Claim : std::uint8_t {
    interconnect,    ///< one rank for each GPU, or machines with a network between them
    memory,          ///< one memory for all ranks, or one rank: what kernels do, nothing of links
    shared_machine,  ///< processes of others compute on a GPU of this job: never a verdict
    functional       ///< ranks share cores, or a GPU: never a verdict on strategies
};
[[nodiscard]] std::string_view to_string(Claim claim);

/// Where the ranks of a backend sit, and what its numbers may therefore be used for.
struct Placement {
    Claim claim{};
    std::string transport;    ///< "nvlink", "pcie", "shared_memory", "network", "sockets", "p2p"
    int ranks_per_device{1};  ///< of the core or GPU that has most
    int sharing_memory{1};    ///< ranks that take from the memory that a device says is left
};
/// `library_shares_memory`: MPI takes all ranks for those of one host, and so need not use sockets
/// between containers of one machine.
[[nodiscard]] Placement place_on_cores(const Machine& machine, bool library_shares_memory);
/// All `ranks`, of which at most `ranks_per_gpu` share one; `foreign`: with processes of others.
[[nodiscard]] Placement place_on_gpus(int ranks, int ranks_per_gpu, std::string transport,
                                      bool foreign);

/// The processes on a rank's GPU but for those of this job (`own`: its ranks, and what started
/// them: a launcher that looks for GPUs is a client of MPS, as is a rank before it has a context),
/// as "python3 (pid 7), 2 that the driver does not name"; empty where there are none. NVIDIA's MPS
/// server is left out: its clients are listed themselves.
[[nodiscard]] std::string name_foreign(const std::vector<DeviceProcess>& processes,
                                       const std::set<int>& own);

}  // namespace moe
