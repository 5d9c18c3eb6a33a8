#pragma once

#include "kernels/runtime/device.hpp"

namespace moe {

/// Evicts what a region will read from the caches: reads a buffer of its own, more than twice the
/// largest cache. Reads only: the region would pay for writing dirty lines back.
class CacheFlush {
public:
    CacheFlush(Device& device, Stream& stream);
    /// Bytes of device memory that this takes.
    [[nodiscard]] static std::size_t bytes(const Device& device);

    /// Enqueues the reads.
    void flush(Stream& stream);

private:
    Device& device_;
    Buffer evicting_;
    Buffer sum_;
};

}  // namespace moe
