#pragma once

#include "comm/mpi/mpi.hpp"
#include "comm/peer_memory.hpp"
#include "kernels/cuda/rank_barrier.hpp"

#include <nccl.h>

#include <memory>
#include <optional>

namespace moe {

/// A barrier of the devices of a communicator's ranks: on one host by words in memory that all
/// ranks share, between hosts by NCCL's all_reduce of one element, which ranks leave less together.
class DeviceBarrier {
public:
    /// Collective. `mpi` has the same ranks as `comm`; both outlive this. `patience_seconds`: how
    /// long one rank's device waits for another's, by words.
    DeviceBarrier(ncclComm_t comm, MPI_Comm mpi, double patience_seconds);
    void launch(cudaStream_t stream);

private:
    ncclComm_t comm_;
    UniquePeerMemory words_;  ///< those that count are rank 0's
    std::optional<cuda::RankBarrier> by_words_;
    struct Free {
        void operator()(void* data) const noexcept { ncclMemFree(data); }
    };
    std::unique_ptr<void, Free> element_;
};

}  // namespace moe
