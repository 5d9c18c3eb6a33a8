#include "bench/micro/rotating_buffers.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moe {
namespace {

/// The share of free memory that the buffers may take: libraries have theirs as well.
constexpr double kMemoryShare = 0.5;

/// Rows of each buffer; the same on all ranks.
std::int64_t buffer_rows(const Device& device, Bootstrap& bootstrap, const Matrix& largest,
                         int sharing, bool warm) {
    const double free = -bootstrap.max(-static_cast<double>(device.memory_available()));
    const auto room = static_cast<std::size_t>(kMemoryShare * free / sharing / 2);
    if (largest.bytes() > room) {
        throw BadArgument(fmt::format("buffers of {} bytes: there is room for two of {} bytes",
                                      largest.bytes(), room));
    }
    if (warm) return largest.rows;
    // What is left over behind the last whole step is less than the largest.
    const auto wanted = largest.bytes() + 2 * device.cache_bytes();
    return static_cast<std::int64_t>(std::min(wanted, room) / largest.row_bytes());
}

}  // namespace

RotatingBuffers::RotatingBuffers(Device& device, Bootstrap& bootstrap, const Matrix& largest,
                                 int sharing, bool warm)
    : in_(largest), out_(largest), warm_(warm) {
    const auto rows = buffer_rows(device, bootstrap, largest, sharing, warm);
    const auto stream = device.make_stream();
    const auto make = [&](Buffer& buffer, Matrix& all) {
        all.rows = rows;
        buffer = device.allocate(all.bytes());
        all.data = buffer.data();
        device.clear(all, *stream);  // memory that nobody has written may be one page
    };
    make(from_, in_);
    make(to_, out_);
    stream->synchronize();
}

RotatingBuffers::Pair RotatingBuffers::next(const Matrix& shape) {
    if (warm_ || first_ + shape.bytes() > in_.bytes()) first_ = 0;
    const auto part_of = [&](const Matrix& all) {
        return Matrix{all.data + first_, shape.rows, shape.cols, shape.dtype};
    };
    const Pair pair{part_of(in_), part_of(out_)};
    first_ += shape.bytes();
    return pair;
}

}  // namespace moe
