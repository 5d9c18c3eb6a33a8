#include "comm/row_buffer.hpp"

namespace moe {

RowBuffer::RowBuffer(Device& device, Communicator& world, std::optional<Reach> reach,
                     std::int64_t rows, std::int64_t cols, DType dtype)
    : matrix_{nullptr, rows, cols, dtype} {
    if (reach) {
        memory_ = world.make_peer_memory(matrix_.bytes(), *reach);
        matrix_.data = memory_->data();
    } else {
        plain_ = device.allocate(matrix_.bytes());
        matrix_.data = plain_.data();
    }
}

}  // namespace moe
