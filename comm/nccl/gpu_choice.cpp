#include "comm/nccl/gpu_choice.hpp"

#include "comm/mpi/mpi.hpp"
#include "comm/mpi/mpi_bootstrap.hpp"
#include "comm/nccl/nccl.hpp"
#include "comm/process_view.hpp"
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/nvml.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

namespace moe {
namespace {

/// From here on NCCL lets ranks of one communicator share a GPU.
constexpr int kSharesGpus = 23003;

/// Where one rank runs: what all ranks have to know.
struct RankGpu {
    int host{};  ///< rank in the world of the host's first rank
    cuda::DeviceId id{};
    cuda::BusId bus{};
};

void set_unless_set(const char* name, const std::string& value) {
    setenv(name, value.c_str(), 0);
}

/// NCCL refuses two ranks on one GPU of one host, unless it is told that they are two hosts (then
/// they talk through sockets), or a version that can is told that they may.
std::string let_nccl_share(const std::vector<RankGpu>& all, int ranks_per_gpu) {
    if (nccl::version() >= kSharesGpus) {
        // All ranks' kernels must fit on the GPU at once: 64 blocks together are known to.
        constexpr int kBlocks = 64;
        set_unless_set("NCCL_MULTI_RANK_GPU_ENABLE", "1");
        set_unless_set("NCCL_MAX_CTAS", fmt::format("{}", std::max(1, kBlocks / ranks_per_gpu)));
        // A multicast of NVLink SHARP takes the memory of each GPU once.
        set_unless_set("NCCL_NVLS_ENABLE", "0");
        return "p2p";
    }
    set_unless_set("NCCL_HOSTID", fmt::format("rank-{}", mpi::rank(MPI_COMM_WORLD)));
    const auto ids =
        mpi::all_gather(std::hash<std::string_view>{}(std::getenv("NCCL_HOSTID")), MPI_COMM_WORLD);
    std::set<std::pair<cuda::DeviceId, std::size_t>> taken;
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
        if (taken.emplace(all[rank].id, ids[rank]).second) continue;
        throw BadArgument(
            "NCCL_HOSTID is set to the same on ranks that share a GPU, which NCCL before 2.30.3 "
            "takes for a mistake; unset it, and each rank gets its own");
    }
    return "sockets";
}

/// Whether a daemon listens at its pipe. One that was killed leaves the pipe behind, which no
/// process has open for reading.
bool mps_is_running() {
    const char* folder = std::getenv("CUDA_MPS_PIPE_DIRECTORY");
    const auto pipe =
        std::filesystem::path(folder == nullptr ? "/tmp/nvidia-mps" : folder) / "control";
    std::error_code ignored;
    if (!std::filesystem::is_fifo(pipe, ignored)) return std::filesystem::exists(pipe, ignored);
    const int opened = open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (opened < 0) return errno != ENXIO && errno != ENOENT;
    close(opened);
    return true;
}

/// Throws, on all ranks, what `action` throws on any. Collective.
template <class Action>
void run_on_all(Bootstrap& bootstrap, Action&& action) {
    std::string why;
    try {
        action();
    } catch (const Error& error) {
        why = error.what();
    }
    why = bootstrap.first_nonempty(why);
    if (!why.empty()) throw BadArgument(why);
}

/// Collective. On this rank's host: the ranks of this job and what started them.
std::set<int> processes_of_job(Bootstrap& bootstrap) {
    std::set<int> own;
    const auto& hosts = bootstrap.host_names();
    const auto& here = hosts[static_cast<std::size_t>(bootstrap.rank())];
    const auto all = bootstrap.all_gather_strings(fmt::format("{}", fmt::join(lineage(), " ")));
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
        std::istringstream pids(hosts[rank] == here ? all[rank] : "");
        own.insert(std::istream_iterator<int>(pids), {});
    }
    return own;
}

/// Every rank's `mine`, the names of the foreign processes on its GPU, as one warning; empty where
/// there are none. Collective.
std::string warn_of_foreign(const std::string& mine, Bootstrap& bootstrap) {
    std::vector<std::string> ranks;
    const auto all = bootstrap.all_gather_strings(mine);
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
        if (!all[rank].empty()) ranks.push_back(fmt::format("rank {}: {}", rank, all[rank]));
    }
    if (ranks.empty()) return {};
    return fmt::format(
        "other processes compute on GPUs of this job ({}): no time here is a verdict "
        "(shared_machine)",
        fmt::join(ranks, "; "));
}

/// How the GPUs of the job reach each other's memory: the worst case over the ranks.
enum class PeerAccess : int { all, hidden, not_all };

PeerAccess agree_on_access(const std::vector<RankGpu>& all) {
    int access = static_cast<int>(PeerAccess::all);
    for (const auto& rank : all) {
        const auto can = cuda::can_reach(rank.bus);
        const auto this_one = !can   ? PeerAccess::hidden
                              : *can ? PeerAccess::all
                                     : PeerAccess::not_all;
        access = std::max(access, static_cast<int>(this_one));
    }
    MOE_MPI(MPI_Allreduce(MPI_IN_PLACE, &access, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD));
    return static_cast<PeerAccess>(access);
}

}  // namespace

GpuChoice choose_gpu(const BackendOptions& options, double patience_seconds) {
    MPI_Comm raw = MPI_COMM_NULL;
    MOE_MPI(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &raw));
    const mpi::UniqueComm host(raw);
    const int local_rank = mpi::rank(host.get());

    RankGpu mine;
    mine.host = mpi::rank(MPI_COMM_WORLD);
    MOE_MPI(MPI_Bcast(&mine.host, 1, MPI_INT, 0, host.get()));
    GpuChoice choice;
    const auto bootstrap = make_mpi_bootstrap();
    int ordinal = 0;
    const auto own = processes_of_job(*bootstrap);
    std::string foreign;
    run_on_all(*bootstrap, [&] {
        ordinal = local_rank % cuda::count_devices();
        mine.id = cuda::device_id(ordinal);
        mine.bus = cuda::bus_id(ordinal);
        foreign = name_foreign(
            cuda::nvml_processes(mine.bus).value_or(std::vector<DeviceProcess>{}), own);
    });
    // All ranks have looked: from here on there are processes of this job as well.
    run_on_all(*bootstrap, [&] { choice.device = cuda::make_device(ordinal, patience_seconds); });
    foreign = warn_of_foreign(foreign, *bootstrap);
    if (!foreign.empty()) choice.warnings.push_back(foreign);
    const auto all = mpi::all_gather(mine, MPI_COMM_WORLD);
    std::map<int, int> ranks_of_host;
    std::map<cuda::DeviceId, int> ranks_of_gpu;
    for (const auto& rank : all) {
        ++ranks_of_host[rank.host];
        ++ranks_of_gpu[rank.id];
    }
    int ranks_per_gpu = 1;
    for (const auto& [id, ranks] : ranks_of_gpu) {
        ranks_per_gpu = std::max(ranks_per_gpu, ranks);
    }
    const auto gpus = ranks_of_gpu.size();
    if (ranks_per_gpu > 1 && !options.share_gpu) {
        throw BadArgument(
            fmt::format("{} ranks see {} GPU{}: at most {} rank{} without --share-gpu", all.size(),
                        gpus, gpus == 1 ? "" : "s", gpus, gpus == 1 ? "" : "s"));
    }
    std::string transport;
    if (ranks_per_gpu > 1) {
        transport = let_nccl_share(all, ranks_per_gpu);
        choice.no_symmetric_memory = "ranks share a GPU: NCCL gives them no symmetric memory";
        if (!mps_is_running()) {
            choice.warnings.emplace_back(
                "ranks share a GPU without MPS: every step waits for time slices (milliseconds); "
                "scripts/share_gpu.sh -- mpirun ... runs a command with it");
        }
        choice.warnings.push_back(
            fmt::format("{} ranks share a GPU: results are checked, but times say nothing about an "
                        "interconnect (functional)",
                        ranks_per_gpu));
    } else if (ranks_of_host.size() > 1) {
        transport = "network";
        choice.no_symmetric_memory = "GPUs of several hosts: no symmetric memory between them";
    } else {
        const auto access = agree_on_access(all);
        transport = cuda::has_nvlink() ? "nvlink" : "pcie";
        if (access == PeerAccess::hidden) {
            choice.no_symmetric_memory =
                "each rank sees only GPUs of its own (CUDA_VISIBLE_DEVICES): whether it can reach "
                "the others' memory is not known";
        } else if (access == PeerAccess::not_all) {
            transport = "shared_memory";
            choice.no_symmetric_memory = "the GPUs cannot reach each other's memory";
        }
    }
    choice.placement = place_on_gpus(mpi::size(MPI_COMM_WORLD), ranks_per_gpu, std::move(transport),
                                     !foreign.empty());
    return choice;
}

}  // namespace moe
