#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>

namespace moe::cuda {

/// One rank's part in a barrier of several processes' GPUs, by words in host memory that all of
/// them map: every GPU writes how often it has come, and looks until all have. What follows begins
/// on all GPUs within about the time of one read of host memory. The words outlive this.
class RankBarrier {
public:
    /// words [ranks], zeros before anyone comes; shared by the processes, page-aligned, and pinned
    /// here for as long as this lives. `patience_seconds`: how long one rank waits for another.
    RankBarrier(std::uint32_t* words, int rank, int ranks, double patience_seconds);
    ~RankBarrier();
    RankBarrier(const RankBarrier&) = delete;
    RankBarrier& operator=(const RankBarrier&) = delete;

    /// Can be captured: the epoch is counted on the device. A wait beyond the patience ends in an
    /// error, which the next synchronization reports.
    void launch(cudaStream_t stream);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace moe::cuda
