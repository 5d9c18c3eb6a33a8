#include "bench/micro/gpu_bench.hpp"

#include "kernels/cuda/cuda.hpp"

#include <algorithm>
#include <random>

namespace moe {

Buffer GpuBench::random(std::int64_t elements, float scale) const {
    constexpr std::size_t kPattern = std::size_t{1} << 22U;
    std::mt19937 generator(1);
    std::vector<BFloat16> values(std::min(kPattern, static_cast<std::size_t>(elements)));
    for (auto& value : values) {
        value = BFloat16(scale * static_cast<float>(static_cast<int>(generator() % 128U) - 64));
    }
    const auto pattern = upload(values);
    auto buffer = device_->allocate(static_cast<std::size_t>(elements) * sizeof(BFloat16));
    const auto length = static_cast<std::int64_t>(values.size());
    for (std::int64_t at = 0; at < elements; at += length) {
        const auto part = std::min(length, elements - at);
        device_->copy(pattern.matrix(part, 1, kType),
                      buffer.matrix(elements, 1, kType).slice(at, part), *stream_);
    }
    stream_->synchronize();
    return buffer;
}

void GpuBench::run(benchmark::State& state, const std::function<void()>& launch) const {
    launch();
    stream_->synchronize();
    for (auto _ : state) state.SetIterationTime(seconds(launch));
}

void GpuBench::report(benchmark::State& state, double bytes, double flops) const {
    using benchmark::Counter;
    if (bytes > 0) {
        state.counters["of_copy"] =
            Counter(bytes / copy_bandwidth_, Counter::kIsIterationInvariantRate);
    }
    if (flops > 0) {
        state.counters["tflops"] = Counter(flops * 1e-12, Counter::kIsIterationInvariantRate);
    }
}

double GpuBench::seconds(const std::function<void()>& launch) const {
    gate_->close(*stream_);
    stream_->record(*begin_);
    launch();
    stream_->record(*end_);
    gate_->open();
    stream_->synchronize();
    return end_->seconds_since(*begin_);
}

/// The best of a few.
double GpuBench::measure_copy() const {
    const auto from = random(kGibibyte / 2);
    const auto to = random(kGibibyte / 2);
    const auto view = [](const Buffer& buffer) { return buffer.matrix(1, kGibibyte / 2, kType); };
    double best = 0;
    for (int i = 0; i < 10; ++i) {
        const double took = seconds([&] { device_->copy(view(from), view(to), *stream_); });
        best = std::max(best, 2.0 * static_cast<double>(kGibibyte) / took);
    }
    return best;
}

std::unique_ptr<Device> GpuBench::first_device() {
    MOE_EXPECT(cuda::count_devices() > 0, "or it would have thrown");
    constexpr double kPatience = 60;  // seconds that enqueueing a benchmark may take
    return cuda::make_device(0, kPatience);
}

}  // namespace moe
