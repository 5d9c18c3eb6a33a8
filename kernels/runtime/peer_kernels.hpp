#pragma once

#include "kernels/runtime/device.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace moe {

/// One block of memory on each of several ranks, as one of them reaches it.
struct PeerTable {
    std::span<std::byte* const> data;       ///< [ranks] the blocks; this rank's own is among them
    std::span<std::uint32_t* const> flags;  ///< [ranks] how often each rank has come to a barrier
    int rank{};

    [[nodiscard]] int ranks() const { return static_cast<int>(data.size()); }
};

/// Kernels that read and write other ranks' memory themselves. Plain pointers only. Stream-ordered;
/// all ranks of a table call in the same order, none allocates. A rank waits in them until all
/// others have come, however long that takes: whoever watches the ranks ends a job that is stuck.
class PeerKernels {
public:
    virtual ~PeerKernels() = default;

    /// What any rank enqueued before it is seen by what any rank enqueues after it.
    virtual void barrier(const PeerTable& table, Stream& stream) = 0;
    /// to [rows, cols] = the sum of what lies `offset` bytes into each rank's block, shaped like
    /// it, added in f32 in the order of the ranks and rounded once. A barrier before, since all
    /// blocks must be written, and one after, since all may be written again.
    virtual void pull_sum(const PeerTable& table, std::size_t offset, const Matrix& to,
                          Stream& stream) = 0;
    /// Writes `from` to `offset` bytes into each rank's block. A barrier before, since all blocks
    /// may still be read, and one after, since all must be written.
    virtual void push_copy(const PeerTable& table, const Matrix& from, std::size_t offset,
                           Stream& stream) = 0;
};

}  // namespace moe
