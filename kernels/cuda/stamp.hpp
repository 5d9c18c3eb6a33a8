#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace moe::cuda {

/// Places in host memory that stamps are written to; pinning is dear, so that many share a block.
class StampSlots {
public:
    [[nodiscard]] std::uint64_t* take();
    void give_back(std::uint64_t* slot) { free_.push_back(slot); }

private:
    struct Unpin {
        void operator()(std::uint64_t* block) const noexcept { cudaFreeHost(block); }
    };
    std::vector<std::unique_ptr<std::uint64_t, Unpin>> blocks_;
    std::vector<std::uint64_t*> free_;
};

/// Enqueues a kernel that writes the device's nanoseconds to `slot`. In a graph this is cheaper by
/// some microseconds than an event node between a kernel and the next.
void launch_stamp(std::uint64_t* slot, cudaStream_t stream);
/// The smallest step that stamps of the current device show, in nanoseconds. Waits for the stream.
[[nodiscard]] std::uint64_t stamp_step(StampSlots& slots, cudaStream_t stream);

}  // namespace moe::cuda
