#pragma once

#include "kernels/runtime/matrix.hpp"
#include "kernels/runtime/side_queue.hpp"
#include "kernels/runtime/weighted_rows.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace moe {

/// A point on a stream's timeline.
class Event {
public:
    virtual ~Event() = default;
    /// Both events must have been recorded and their streams synchronized.
    [[nodiscard]] virtual double seconds_since(const Event& earlier) const = 0;
};

class Stream;

/// Work that a stream was told once and can do again at one launch.
class Graph {
public:
    virtual ~Graph() = default;
    virtual void launch(Stream& stream) = 0;
};

/// An ordered queue of work. Virtual calls here cost nanoseconds; a launch costs microseconds.
class Stream {
public:
    virtual ~Stream() = default;
    /// While a graph is captured: each launch of it records the event anew; the other event of an
    /// interval is of the same graph then.
    virtual void record(Event& event) = 0;
    virtual void synchronize() = 0;
    /// What `body` enqueues here, which is not done yet. All that it touches outlives the graph. An
    /// Error that says what was in the way if it cannot be captured; the stream is usable then.
    [[nodiscard]] virtual std::unique_ptr<Graph> capture(const std::function<void()>& body) = 0;
    /// The backend's own handle, null for the host: the one crack in the wall, used by backends
    /// only.
    [[nodiscard]] virtual void* native() const = 0;
};

/// A blocking kernel: holds back what is enqueued after it, so that the devices of all ranks can
/// begin at one moment however long each host took to enqueue. It gives up after the device's
/// patience, since that must not wait forever for a rank that failed; the next close() then throws.
class StreamGate {
public:
    virtual ~StreamGate() = default;
    /// Enqueues the waiting.
    virtual void close(Stream& stream) = 0;
    virtual void open() = 0;
};

/// How fast a device's clocks run, and why not faster.
struct Clocks {
    int core_mhz{};
    int memory_mhz{};
    std::string throttled;  ///< "power_cap;hw_thermal"; empty where nothing holds them back
};

/// A process that computes on a device, as the driver knows it. In a PID namespace of its own a
/// reader gets numbers that mean nothing to it, and no names.
struct DeviceProcess {
    unsigned pid{};
    std::string name;  ///< of its program; empty where the driver does not tell
};

class Device;

/// A range for as long as it lives.
class [[nodiscard]] ProfilerRange {
public:
    ProfilerRange(Device& device, const std::string& name);
    ~ProfilerRange();
    ProfilerRange(const ProfilerRange&) = delete;
    ProfilerRange& operator=(const ProfilerRange&) = delete;

private:
    Device& device_;
};

/// Owns device memory. Move-only; freed by the device that made it, which must outlive it.
class Buffer {
public:
    Buffer() = default;
    Buffer(Device& device, std::byte* data, std::size_t bytes)
        : device_(&device), data_(data), bytes_(bytes) {}
    Buffer(Buffer&& other) noexcept
        : device_(std::exchange(other.device_, nullptr)),
          data_(std::exchange(other.data_, nullptr)),
          bytes_(std::exchange(other.bytes_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        Buffer moved(std::move(other));
        std::swap(device_, moved.device_);
        std::swap(data_, moved.data_);
        std::swap(bytes_, moved.bytes_);
        return *this;
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer();

    [[nodiscard]] std::byte* data() const { return data_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    /// A view of the first rows x cols elements; an Error if the buffer is smaller.
    [[nodiscard]] Matrix matrix(std::int64_t rows, std::int64_t cols, DType dtype) const;
    template <class T>
    [[nodiscard]] T* as() const {
        return reinterpret_cast<T*>(data_);
    }

private:
    Device* device_{};
    std::byte* data_{};
    std::size_t bytes_{};
};

/// Between matrices of as many bytes that do not overlap.
struct Copy {
    Matrix from, to;
};

/// Operands of Device::residual_norm, of one type and width, apart from each other.
struct ResidualNorm {
    Matrix rows, residual;  ///< x and r, [rows, cols]
    Matrix weight;          ///< g [1, cols]
    float eps{};
    Matrix hidden, normed;  ///< h and y, [rows, cols]: written

    [[nodiscard]] ResidualNorm slice(std::int64_t first, std::int64_t count) const {
        auto some = *this;
        for (auto* matrix : {&some.rows, &some.residual, &some.hidden, &some.normed}) {
            *matrix = matrix->slice(first, count);
        }
        return some;
    }
};

/// What one rank can do alone. A backend implements this once.
class Device {
public:
    virtual ~Device() = default;
    /// The hardware's own name, for the results.
    [[nodiscard]] virtual std::string name() const = 0;
    [[nodiscard]] virtual std::unique_ptr<Stream> make_stream() = 0;
    [[nodiscard]] virtual std::unique_ptr<Event> make_event() = 0;
    [[nodiscard]] virtual std::unique_ptr<SideQueue> make_side_queue() = 0;
    /// Null where a stream's work is done when it has been enqueued.
    [[nodiscard]] virtual std::unique_ptr<StreamGate> make_stream_gate() { return nullptr; }
    /// Why no stream of this device can capture; empty where they can.
    [[nodiscard]] virtual std::string capture_obstacle() const = 0;
    /// Empty where unknown.
    [[nodiscard]] virtual std::optional<Clocks> clocks() const { return std::nullopt; }
    /// A named range on the time line of a profiler that looks at this process; ranges nest.
    virtual void begin_range(const std::string& /*name*/) {}
    virtual void end_range() {}
    /// OutOfMemory where there is not so much.
    [[nodiscard]] virtual Buffer allocate(std::size_t bytes) = 0;
    virtual void release(std::byte* data) noexcept = 0;
    /// Bytes that can still be allocated; ranks of one host or GPU share what this says.
    [[nodiscard]] virtual std::size_t memory_available() const = 0;
    /// Bytes of the largest cache: whatever is larger than this is read from memory each time.
    [[nodiscard]] virtual std::size_t cache_bytes() const = 0;

    /// Both come after all work that was enqueued on the device before, and are done when they
    /// return. Not within a capture, nor behind a gate that is closed.
    virtual void upload(const std::byte* host, std::byte* device, std::size_t bytes) = 0;
    virtual void download(const std::byte* device, std::byte* host, std::size_t bytes) = 0;

    // Stream-ordered; matrices of no rows are fine everywhere.
    virtual void copy(const Matrix& from, const Matrix& to, Stream& stream) = 0;
    /// Copies that do not depend on each other, in one launch where launches cost time.
    virtual void copy_all(std::span<const Copy> copies, Stream& stream) {
        for (const auto& [from, to] : copies) copy(from, to, stream);
    }
    virtual void fill_bytes(const Matrix& target, std::byte value, Stream& stream) = 0;
    /// to = the sum of `operands`, each shaped like it and apart from it, added in f32 in their
    /// order and rounded once. At most max_operands() of them.
    virtual void sum(std::span<const Matrix> operands, const Matrix& to, Stream& stream) = 0;
    [[nodiscard]] virtual std::size_t max_operands() const = 0;
    /// to[r] = the sum of weights * rows of `dense`, accumulated in f32 and rounded once to
    /// to.dtype; a row without entries becomes zeros. `dense` has the type that the device's layer
    /// kernels compute in (LayerKernelsFactory::compute_dtype), and to.cols columns.
    virtual void weighted_sum(const WeightedRows& rows, const Matrix& dense, const Matrix& to,
                              Stream& stream) = 0;
    /// For each row h = x + r and y = h / sqrt(mean(h^2) + eps) * g: the residual connection, and
    /// RMSNorm (Zhang and Sennrich, 2019) of its result, as engines do in one kernel
    /// (fused_add_rms_norm). In f32; h and y are rounded once.
    virtual void residual_norm(const ResidualNorm& norm, Stream& stream) = 0;
    /// What is enqueued after it waits for so long.
    virtual void delay(double seconds, Stream& stream) = 0;
    void clear(const Matrix& target, Stream& stream) { fill_bytes(target, std::byte{0}, stream); }
};

}  // namespace moe
