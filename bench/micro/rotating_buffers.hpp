#pragma once

#include "comm/bootstrap.hpp"
#include "kernels/runtime/device.hpp"

#include <cstddef>

namespace moe {

/// Input and output of successive calls, which walk through two larger buffers as in nccl-tests
/// (startColl's `shift`), so that a call finds none of its own rows in a cache.
class RotatingBuffers {
public:
    /// Collective, so that all ranks have as many steps. `largest` is one call's input, or output;
    /// every call walks through twice the largest cache, or through half of the memory that is left
    /// to one of the `sharing` ranks that take from it. With `warm` all calls get the same rows. A
    /// BadArgument where there is no room even for that.
    RotatingBuffers(Device& device, Bootstrap& bootstrap, const Matrix& largest, int sharing,
                    bool warm);

    struct Pair {
        Matrix in, out;
    };
    /// The next two of this shape, of at most as many bytes as the largest has.
    [[nodiscard]] Pair next(const Matrix& shape);
    [[nodiscard]] std::size_t bytes() const { return in_.bytes(); }  ///< of each buffer

private:
    Buffer from_, to_;
    Matrix in_, out_;
    bool warm_;
    std::size_t first_{};  ///< byte that is next
};

}  // namespace moe
