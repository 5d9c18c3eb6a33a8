#pragma once

#include "kernels/runtime/device.hpp"

namespace moe {

/// Leaves nothing in the caches that a region will read: reads memory of its own, more than twice
/// the largest cache. Read, not written: a cache full of changed lines would first have to write
/// them back, and that would be paid by the region.
class ColdCaches {
public:
    ColdCaches(Device& device, Stream& stream);
    [[nodiscard]] static std::size_t bytes(const Device& device);

    /// Stream-ordered.
    void fill(Stream& stream);

private:
    Device& device_;
    Buffer unread_;
    Buffer sum_;
};

}  // namespace moe
