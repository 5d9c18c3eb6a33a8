// The host backend: host memory, MPI collectives, everything finished when the call returns.
#include "comm/backend.hpp"
#include "comm/machine.hpp"
#include "comm/mpi/mpi.hpp"
#include "comm/mpi/mpi_bootstrap.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "comm/mpi/shared_window.hpp"
#include "comm/mpi/side_core.hpp"
#include "kernels/host/host_device.hpp"
#include "kernels/host/host_layer_kernels.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace moe {

std::string host_backend_missing() {
    return {};
}

std::string host_backend_libraries() {
    std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
    int length = 0;
    MOE_MPI(MPI_Get_library_version(text.data(), &length));
    return text.data();  // `length` counts Open MPI's final zero as well
}

Backend open_host_backend(const BackendOptions& /*options*/) {
    const auto bootstrap = make_mpi_bootstrap();
    const auto ranks = discover_ranks(*bootstrap);
    const auto machine = machine_of(ranks);
    std::vector<std::string> warnings;
    if (machine.oversubscribed()) {
        warnings.push_back(fmt::format(
            "{} rank{} on {:g} core{}: results are checked, but times say nothing about "
            "speed (functional)",
            machine.ranks_on_host, machine.ranks_on_host == 1 ? "" : "s", machine.cpus_on_host(),
            machine.cpus_on_host() == 1 ? "" : "s"));
    }
    return {
        .name = "host",
        .device = make_host_device(
            steady_seconds, side_core_of(ranks, static_cast<std::size_t>(bootstrap->rank()))),
        .world = make_mpi_communicator(mpi::duplicate(MPI_COMM_WORLD),
                                       machine.oversubscribed() ? IdleCore::yield : IdleCore::keep),
        .layer_kernels = make_host_layer_kernels_factory(),
        .libraries = host_backend_libraries(),
        .built_against = fmt::format("MPI {}.{}", MPI_VERSION, MPI_SUBVERSION),
        .placement = place_on_cores(machine, shared_window_obstacle(MPI_COMM_WORLD).empty()),
        .gpus = false,
        .failure = {},
        .warnings = std::move(warnings)};
}

}  // namespace moe
