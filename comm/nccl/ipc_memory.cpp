// GPU memory that the ranks of one host map by CUDA's IPC handles, which MPI carries.
#include "comm/nccl/ipc_memory.hpp"

#include "comm/mpi/mpi.hpp"
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/peer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace moe {
namespace {

/// Of a handle: it stands for all that was allocated together, so that smaller blocks would be
/// mapped with what lies beside them.
constexpr std::size_t kPage = std::size_t{2} << 20U;
/// Before each rank's block, and a multiple of what a block must be aligned to.
constexpr std::size_t kHeader = cuda::kFlagBytes;

struct Free {
    void operator()(std::byte* data) const noexcept { cudaFree(data); }
};
using DeviceMemory = std::unique_ptr<std::byte, Free>;
struct Unmap {
    void operator()(std::byte* data) const noexcept { cudaIpcCloseMemHandle(data); }
};
using Mapping = std::unique_ptr<std::byte, Unmap>;

/// Null where there is not so much.
DeviceMemory allocate(std::size_t bytes) {
    void* raw{};
    const auto status = cudaMalloc(&raw, (bytes + kPage - 1) / kPage * kPage);
    if (status == cudaErrorMemoryAllocation) return nullptr;
    MOE_CUDA(status);
    return DeviceMemory(static_cast<std::byte*>(raw));
}

/// Collective. The worst of what the ranks have come to. A failed call is forgotten, else the next
/// launch would be blamed for it.
cudaError_t agree(cudaError_t status, MPI_Comm comm) {
    static_cast<void>(cudaGetLastError());
    int worst = static_cast<int>(status);
    MOE_MPI(MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPI_INT, MPI_MAX, comm));
    return static_cast<cudaError_t>(worst);
}

/// Collective. Every other rank's block as it is mapped here; nothing where one rank could not, of
/// which `status` tells all.
std::vector<Mapping> map_all(std::byte* own, MPI_Comm comm, cudaError_t& status) {
    cudaIpcMemHandle_t mine{};
    status = agree(cudaIpcGetMemHandle(&mine, own), comm);
    if (status != cudaSuccess) return {};
    const auto ranks = static_cast<std::size_t>(mpi::size(comm));
    const auto rank = static_cast<std::size_t>(mpi::rank(comm));
    const auto handles = mpi::all_gather(mine, comm);
    std::vector<Mapping> mappings(ranks);
    for (std::size_t peer = 0; peer < ranks && status == cudaSuccess; ++peer) {
        if (peer == rank) continue;
        void* raw{};
        status = cudaIpcOpenMemHandle(&raw, handles[peer], cudaIpcMemLazyEnablePeerAccess);
        if (status == cudaSuccess) mappings[peer].reset(static_cast<std::byte*>(raw));
    }
    status = agree(status, comm);
    if (status != cudaSuccess) mappings.clear();
    return mappings;
}

class IpcMemory final : public PeerMemory {
public:
    IpcMemory(MPI_Comm comm, std::size_t bytes)
        : comm_(comm), bytes_(bytes), rank_(mpi::rank(comm)) {
        own_ = allocate(kHeader + bytes);
        epochs_ = allocate(cuda::kEpochBytes);
        const auto allocated = own_ && epochs_ ? cudaSuccess : cudaErrorMemoryAllocation;
        if (agree(allocated, comm) != cudaSuccess) {
            throw OutOfMemory(fmt::format("no {} bytes of GPU memory that peers can map", bytes));
        }
        cuda::clear_memory(own_.get(), kHeader + bytes);
        cuda::clear_memory(epochs_.get(), cuda::kEpochBytes);
        auto status = cudaSuccess;
        mappings_ = map_all(own_.get(), comm, status);  // and with it no flag is seen before zeros
        MOE_CUDA(status);
        for (int peer = 0; peer < mpi::size(comm); ++peer) {
            auto* start =
                peer == rank_ ? own_.get() : mappings_[static_cast<std::size_t>(peer)].get();
            flags_.push_back(reinterpret_cast<std::uint32_t*>(start));
            blocks_.push_back(start + kHeader);
        }
    }
    ~IpcMemory() override {
        cudaDeviceSynchronize();
        mappings_.clear();
        MPI_Barrier(comm_);  // nobody has it mapped when it is freed
    }
    IpcMemory(const IpcMemory&) = delete;
    IpcMemory& operator=(const IpcMemory&) = delete;

    [[nodiscard]] std::byte* data() const override { return own_.get() + kHeader; }
    [[nodiscard]] std::size_t bytes() const override { return bytes_; }
    [[nodiscard]] PeerTable table() const override {
        return {.data = blocks_,
                .flags = flags_,
                .epochs = reinterpret_cast<std::uint32_t*>(epochs_.get()),
                .rank = rank_};
    }

private:
    MPI_Comm comm_;
    std::size_t bytes_;
    int rank_;
    DeviceMemory own_, epochs_;
    std::vector<Mapping> mappings_;
    std::vector<std::byte*> blocks_;
    std::vector<std::uint32_t*> flags_;
};

}  // namespace

std::string ipc_memory_obstacle(MPI_Comm comm) {
    if (mpi::size(comm) > cuda::kMaxPeers) {
        return fmt::format("kernels over peer memory take {} ranks at most, not {}",
                           cuda::kMaxPeers, mpi::size(comm));
    }
    MPI_Comm raw = MPI_COMM_NULL;
    MOE_MPI(MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &raw));
    const mpi::UniqueComm host(raw);
    int alone = mpi::size(host.get()) < mpi::size(comm) ? 1 : 0;
    MOE_MPI(MPI_Allreduce(MPI_IN_PLACE, &alone, 1, MPI_INT, MPI_MAX, comm));
    if (alone == 1) return "GPUs of several hosts cannot map each other's memory";
    const auto own = allocate(1);
    auto status = agree(own ? cudaSuccess : cudaErrorMemoryAllocation, comm);
    if (status == cudaSuccess) {
        auto mappings = map_all(own.get(), comm, status);
        mappings.clear();
        MOE_MPI(MPI_Barrier(comm));
    }
    if (status == cudaSuccess) return {};
    return fmt::format("GPUs cannot map each other's memory: {}", cudaGetErrorString(status));
}

std::unique_ptr<PeerMemory> make_ipc_memory(MPI_Comm comm, std::size_t bytes) {
    return std::make_unique<IpcMemory>(comm, bytes);
}

}  // namespace moe
