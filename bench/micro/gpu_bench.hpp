#pragma once

#include "kernels/runtime/device.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moe {

constexpr DType kType = DType::bf16;
constexpr double kElement = 2;    // bytes
constexpr std::size_t kWord = 4;  // of indices, logits and weights
constexpr std::int64_t kGibibyte = std::int64_t{1} << 30U;

/// The first GPU, and what every benchmark does on it.
class GpuBench {
public:
    [[nodiscard]] Device& device() const { return *device_; }
    [[nodiscard]] Stream& stream() const { return *stream_; }

    /// Random values of about 1, since a matrix product of zeros is faster than any real one.
    [[nodiscard]] Buffer random(std::int64_t elements, float scale = 1.0F / 64) const;
    template <class T>
    [[nodiscard]] Buffer upload(const std::vector<T>& values) const {
        auto buffer = device_->allocate(values.size() * sizeof(T));
        device_->upload(reinterpret_cast<const std::byte*>(values.data()), buffer.data(),
                        buffer.bytes());
        return buffer;
    }
    /// Of indices, logits or weights.
    [[nodiscard]] Buffer words(std::int64_t count) const {
        return device_->allocate(static_cast<std::size_t>(count) * kWord);
    }

    /// Times `launch` by the device's events, enqueued behind a closed gate as the sweep does it:
    /// what that costs the host is not in it.
    void run(benchmark::State& state, const std::function<void()>& launch) const;
    /// Counters of one run: `bytes` moved as a share of what a copy moves, and `flops`.
    void report(benchmark::State& state, double bytes, double flops = 0) const;
    /// Bytes read and written in a second.
    [[nodiscard]] double copy_bandwidth() const { return copy_bandwidth_; }

private:
    [[nodiscard]] double seconds(const std::function<void()>& launch) const;
    [[nodiscard]] double measure_copy() const;
    static std::unique_ptr<Device> first_device();

    std::unique_ptr<Device> device_ = first_device();
    std::unique_ptr<Stream> stream_ = device_->make_stream();
    std::unique_ptr<StreamGate> gate_ = device_->make_stream_gate();
    std::unique_ptr<Event> begin_ = device_->make_event();
    std::unique_ptr<Event> end_ = device_->make_event();
    double copy_bandwidth_ = measure_copy();
};

template <class Function>
benchmark::internal::Benchmark* add_benchmark(const std::string& name, Function&& function) {
    return benchmark::RegisterBenchmark(name.c_str(), function)
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
}

// What is measured, each in a file of its own. The benchmarks refer to `bench`.
void add_copies(const GpuBench& bench);    ///< copies, fills and sums of rows
void add_row_path(const GpuBench& bench);  ///< routing, permutation and local combine
void add_experts(const GpuBench& bench);   ///< the experts' matrix products and activation

}  // namespace moe
