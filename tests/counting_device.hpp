#pragma once

#include "kernels/runtime/device.hpp"
#include "tests/counted_traffic.hpp"

namespace moe {

/// A rank's device that counts what it is asked for and does none of it. Its memory is another
/// device's, which outlives it, as the traffic does.
class CountingDevice final : public Device {
public:
    CountingDevice(Device& memory, CountedTraffic& traffic, int rank)
        : memory_(memory), traffic_(traffic), rank_(rank) {}

    [[nodiscard]] std::string name() const override { return "counting"; }
    [[nodiscard]] std::unique_ptr<Stream> make_stream() override { return memory_.make_stream(); }
    [[nodiscard]] std::unique_ptr<Event> make_event() override { return memory_.make_event(); }
    [[nodiscard]] std::unique_ptr<SideQueue> make_side_queue() override {
        return memory_.make_side_queue();
    }
    [[nodiscard]] std::string capture_obstacle() const override {
        return memory_.capture_obstacle();
    }
    [[nodiscard]] Buffer allocate(std::size_t bytes) override {
        traffic_.allocate(rank_, bytes);
        return memory_.allocate(bytes);
    }
    void release(std::byte* data) noexcept override { memory_.release(data); }
    [[nodiscard]] std::size_t memory_available() const override {
        return memory_.memory_available();
    }
    [[nodiscard]] std::size_t cache_bytes() const override { return memory_.cache_bytes(); }
    void upload(const std::byte* host, std::byte* device, std::size_t bytes) override {
        memory_.upload(host, device, bytes);
    }
    void download(const std::byte* device, std::byte* host, std::size_t bytes) override {
        memory_.download(device, host, bytes);
    }

    void copy(const Matrix& from, const Matrix& /*to*/, Stream& /*stream*/) override {
        traffic_.copy(rank_, bytes_of(from));
    }
    void copy_all(std::span<const Copy> copies, Stream& /*stream*/) override {
        std::int64_t bytes = 0;
        for (const auto& copy : copies) bytes += bytes_of(copy.from);
        traffic_.copy(rank_, bytes);
    }
    void fill_bytes(const Matrix& target, std::byte /*value*/, Stream& /*stream*/) override {
        traffic_.fill(rank_, bytes_of(target));
    }
    void sum(std::span<const Matrix> operands, const Matrix& to, Stream& /*stream*/) override {
        traffic_.sum(rank_, operands.size(), bytes_of(to));
    }
    [[nodiscard]] std::size_t max_operands() const override { return memory_.max_operands(); }
    void weighted_sum(const WeightedRows& /*rows*/, const Matrix& /*dense*/, const Matrix& /*to*/,
                      Stream& /*stream*/) override {
        traffic_.weighted_sum(rank_);
    }
    void residual_norm(const ResidualNorm& norm, Stream& stream) override {
        memory_.residual_norm(norm, stream);  // no part of any exchange
    }
    void delay(double /*seconds*/, Stream& /*stream*/) override {}

private:
    [[nodiscard]] static std::int64_t bytes_of(const Matrix& matrix) {
        return static_cast<std::int64_t>(matrix.bytes());
    }

    Device& memory_;
    CountedTraffic& traffic_;
    int rank_;
};

}  // namespace moe
