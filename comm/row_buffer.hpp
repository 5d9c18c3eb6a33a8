#pragma once

#include "comm/communicator.hpp"

#include <memory>
#include <optional>

namespace moe {

/// What rows lie in: memory of the device, or memory that reaches further.
class RowBuffer {
public:
    /// Collective where `reach` is asked for, without an obstacle; [rows, cols] on this rank.
    RowBuffer(Device& device, Communicator& world, std::optional<Reach> reach, std::int64_t rows,
              std::int64_t cols, DType dtype);

    [[nodiscard]] const Matrix& matrix() const { return matrix_; }
    /// What the matrix begins in; null in plain device memory.
    [[nodiscard]] PeerMemory* memory() const { return memory_.get(); }

private:
    Buffer plain_;
    UniquePeerMemory memory_;
    Matrix matrix_;
};

}  // namespace moe
