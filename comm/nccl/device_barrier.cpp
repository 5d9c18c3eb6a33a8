#include "comm/nccl/device_barrier.hpp"

#include "comm/mpi/mpi.hpp"
#include "comm/mpi/shared_window.hpp"
#include "comm/nccl/nccl.hpp"

#include <cstdint>

namespace moe {

DeviceBarrier::DeviceBarrier(ncclComm_t comm, MPI_Comm mpi, double patience_seconds) : comm_(comm) {
    const int rank = mpi::rank(mpi);
    const int ranks = mpi::size(mpi);
    if (shared_window_obstacle(mpi).empty()) {
        const auto bytes = static_cast<std::size_t>(ranks) * sizeof(std::uint32_t);
        words_.reset(make_shared_window(mpi, rank == 0 ? bytes : 0).release());
        auto* words = reinterpret_cast<std::uint32_t*>(words_->table().data.front());
        by_words_.emplace(words, rank, ranks, patience_seconds);
        MOE_MPI(MPI_Barrier(mpi));
        return;
    }
    void* raw{};
    MOE_NCCL(ncclMemAlloc(&raw, sizeof(float)));
    element_.reset(raw);
}

void DeviceBarrier::launch(cudaStream_t stream) {
    if (by_words_) {
        by_words_->launch(stream);
    } else {
        MOE_NCCL(
            ncclAllReduce(element_.get(), element_.get(), 1, ncclFloat32, ncclMax, comm_, stream));
    }
}

}  // namespace moe
