#include "kernels/host/host_device.hpp"

#include "kernels/host/host_memory.hpp"
#include "kernels/host/residual_norm.hpp"
#include "kernels/host/sum.hpp"
#include "kernels/host/weighted_sum.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace moe {
namespace {

constexpr std::align_val_t kAlignment{64};

constexpr const char* kNoGraphs = "CUDA graphs: the host backend has none";

class HostEvent final : public Event {
public:
    [[nodiscard]] double seconds_since(const Event& earlier) const override {
        return at_ - dynamic_cast<const HostEvent&>(earlier).at_;
    }
    void stamp(double now) { at_ = now; }

private:
    double at_{};
};

class HostStream final : public Stream {
public:
    explicit HostStream(const Clock& clock) : clock_(clock) {}
    void record(Event& event) override { dynamic_cast<HostEvent&>(event).stamp(clock_()); }
    void synchronize() override {}
    [[nodiscard]] std::unique_ptr<Graph> capture(const std::function<void()>& /*body*/) override {
        raise(MOE_SITE("capture"), kNoGraphs);
    }
    [[nodiscard]] void* native() const override { return nullptr; }

private:
    const Clock& clock_;
};

class HostDevice final : public Device {
public:
    HostDevice(Clock clock, SideCore side_core) : clock_(std::move(clock)), side_core_(side_core) {}
    [[nodiscard]] std::string name() const override { return host_cpu_name(); }
    [[nodiscard]] std::unique_ptr<Stream> make_stream() override {
        return std::make_unique<HostStream>(clock_);
    }
    [[nodiscard]] std::unique_ptr<Event> make_event() override {
        return std::make_unique<HostEvent>();
    }
    [[nodiscard]] std::unique_ptr<SideQueue> make_side_queue() override {
        return make_side_thread(make_stream(), side_core_);
    }
    [[nodiscard]] std::string capture_obstacle() const override { return kNoGraphs; }
    [[nodiscard]] Buffer allocate(std::size_t bytes) override {
        // One byte at least, so that a buffer of no rows has an address that MPI accepts.
        const auto size = std::max<std::size_t>(bytes, 1);
        auto* data = ::operator new(size, kAlignment, std::nothrow);
        if (data == nullptr) throw OutOfMemory(fmt::format("no {} bytes of memory left", size));
        return {*this, static_cast<std::byte*>(data), bytes};
    }
    void release(std::byte* data) noexcept override { ::operator delete(data, kAlignment); }
    [[nodiscard]] std::size_t memory_available() const override { return host_memory_available(); }
    [[nodiscard]] std::size_t cache_bytes() const override { return host_cache_bytes(); }

    void upload(const std::byte* host, std::byte* device, std::size_t bytes) override {
        std::copy_n(host, bytes, device);  // unlike memcpy, defined for a null range of no bytes
    }
    void download(const std::byte* device, std::byte* host, std::size_t bytes) override {
        std::copy_n(device, bytes, host);
    }
    void copy(const Matrix& from, const Matrix& to, Stream& /*stream*/) override {
        MOE_EXPECT(from.bytes() == to.bytes(), "copy between unlike matrices");
        std::copy_n(from.data, from.bytes(), to.data);
    }
    void fill_bytes(const Matrix& target, std::byte value, Stream& /*stream*/) override {
        std::fill_n(target.data, target.bytes(), value);
    }
    void sum(std::span<const Matrix> operands, const Matrix& to, Stream& /*stream*/) override {
        sum_matrices(operands, to);
    }
    [[nodiscard]] std::size_t max_operands() const override {
        return std::numeric_limits<std::size_t>::max();
    }
    void weighted_sum(const WeightedRows& rows, const Matrix& dense, const Matrix& to,
                      Stream& /*stream*/) override {
        moe::weighted_sum(rows, dense, to);
    }
    void residual_norm(const ResidualNorm& norm, Stream& /*stream*/) override {
        moe::residual_norm(norm);
    }
    void delay(double seconds, Stream& /*stream*/) override {
        const double end = clock_() + seconds;
        // Yielding costs nothing where every rank has a core, and lets the others run where not.
        while (clock_() < end) sched_yield();
    }

private:
    Clock clock_;
    SideCore side_core_;
};

}  // namespace

std::unique_ptr<Device> make_host_device(Clock clock, SideCore side_core) {
    return std::make_unique<HostDevice>(std::move(clock), side_core);
}

}  // namespace moe
