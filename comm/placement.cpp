#include "comm/placement.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace moe {

std::string_view to_string(Claim claim) {
    constexpr std::array<std::string_view, 4> kNames{"interconnect", "memory", "shared_machine",
                                                     "functional"};
    return kNames[static_cast<std::size_t>(claim)];
}

Placement place_on_cores(const Machine& machine, bool library_shares_memory) {
    const bool network = machine.kernels > 1;
    return {.claim = machine.oversubscribed() ? Claim::functional
                     : network                ? Claim::interconnect
                                              : Claim::memory,
            .transport = network                 ? "network"
                         : library_shares_memory ? "shared_memory"
                                                 : "sockets",
            .ranks_per_device = static_cast<int>(
                std::ceil(machine.ranks_on_host / std::max(1.0, machine.cpus_on_host()))),
            .sharing_memory = machine.ranks_on_host};
}

Placement place_on_gpus(int ranks, int ranks_per_gpu, std::string transport, bool foreign) {
    return {.claim = foreign             ? Claim::shared_machine
                     : ranks_per_gpu > 1 ? Claim::functional
                     : ranks == 1        ? Claim::memory
                                         : Claim::interconnect,
            .transport = std::move(transport),
            .ranks_per_device = ranks_per_gpu,
            .sharing_memory = ranks_per_gpu};
}

std::string name_foreign(const std::vector<DeviceProcess>& processes, const std::set<int>& own) {
    std::vector<std::string> texts;
    auto seen = own;
    int unnamed = 0;
    for (const auto& [pid, name] : processes) {
        // A client of MPS is in the list of all processes and in that of MPS.
        if (!seen.insert(static_cast<int>(pid)).second) continue;
        if (name.ends_with("nvidia-cuda-mps-server")) continue;
        if (name.empty()) {
            ++unnamed;
        } else {
            texts.push_back(fmt::format("{} (pid {})", name, pid));
        }
    }
    if (unnamed > 0) texts.push_back(fmt::format("{} that the driver does not name", unnamed));
    return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace moe
