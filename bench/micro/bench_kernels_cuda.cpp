// Each kernel of the layer on one GPU against its floor: the bytes it must move at the bandwidth
// that a plain copy of a gigabyte reaches in the same run. Counters: `of_copy` is the share of that
// floor reached (1 = as fast as the copy), `tflops` what the matrix products do. The experts' sizes
// are those of torch_anchor.py.
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/layer_kernels.hpp"
#include "kernels/cuda/swiglu.hpp"
#include "kernels/cuda/topk.hpp"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace moe {
namespace {

constexpr DType kType = DType::bf16;
constexpr double kElement = 2;    // bytes
constexpr std::size_t kWord = 4;  // of indices, logits and weights
constexpr std::int64_t kGibibyte = std::int64_t{1} << 30U;

/// The GPU, and what every benchmark does on it.
class Bench {
public:
    [[nodiscard]] Device& device() const { return *device_; }
    [[nodiscard]] Stream& stream() const { return *stream_; }

    /// Random values of about 1, since a matrix product of zeros is faster than any real one.
    Buffer random(std::int64_t elements, float scale = 1.0F / 64) const {
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
    template <class T>
    Buffer upload(const std::vector<T>& values) const {
        auto buffer = device_->allocate(values.size() * sizeof(T));
        device_->upload(reinterpret_cast<const std::byte*>(values.data()), buffer.data(),
                        buffer.bytes());
        return buffer;
    }

    /// Of indices, logits or weights.
    Buffer words(std::int64_t count) const {
        return device_->allocate(static_cast<std::size_t>(count) * kWord);
    }

    /// Times `launch` by the device's events, enqueued behind a closed gate as the sweep does it:
    /// what that costs the host is not in it.
    void run(benchmark::State& state, const std::function<void()>& launch) const {
        launch();
        stream_->synchronize();
        for (auto _ : state) state.SetIterationTime(seconds(launch));
    }
    void report(benchmark::State& state, double bytes, double flops = 0) const {
        using benchmark::Counter;
        if (bytes > 0) {
            state.counters["of_copy"] =
                Counter(bytes / copy_bandwidth_, Counter::kIsIterationInvariantRate);
        }
        if (flops > 0) {
            state.counters["tflops"] = Counter(flops * 1e-12, Counter::kIsIterationInvariantRate);
        }
    }
    [[nodiscard]] double copy_bandwidth() const { return copy_bandwidth_; }

private:
    [[nodiscard]] double seconds(const std::function<void()>& launch) const {
        gate_->close(*stream_);
        stream_->record(*begin_);
        launch();
        stream_->record(*end_);
        gate_->open();
        stream_->synchronize();
        return end_->seconds_since(*begin_);
    }
    static std::unique_ptr<Device> first_device() {
        MOE_EXPECT(cuda::count_devices() > 0, "or it would have thrown");
        return cuda::make_device(0);
    }
    /// Bytes read and written in a second: the best of a few.
    [[nodiscard]] double measure_copy() const {
        const auto from = random(kGibibyte / 2);
        const auto to = random(kGibibyte / 2);
        const auto view = [](const Buffer& buffer) {
            return buffer.matrix(1, kGibibyte / 2, kType);
        };
        double best = 0;
        for (int i = 0; i < 10; ++i) {
            const double took = seconds([&] { device_->copy(view(from), view(to), *stream_); });
            best = std::max(best, 2.0 * static_cast<double>(kGibibyte) / took);
        }
        return best;
    }

    std::unique_ptr<Device> device_ = first_device();
    std::unique_ptr<Stream> stream_ = device_->make_stream();
    std::unique_ptr<StartGate> gate_ = device_->make_start_gate();
    std::unique_ptr<Event> begin_ = device_->make_event();
    std::unique_ptr<Event> end_ = device_->make_event();
    double copy_bandwidth_ = measure_copy();
};

void sum_rows(benchmark::State& state, const Bench& bench) {
    const auto terms = state.range(0);
    const std::int64_t rows = kGibibyte / 2 / 4096 / terms;
    const auto from = bench.random(terms * rows * 4096);
    const auto to = bench.random(rows * 4096);
    std::vector<Matrix> parts;
    for (std::int64_t i = 0; i < terms; ++i) {
        parts.push_back(from.matrix(terms * rows, 4096, kType).slice(i * rows, rows));
    }
    bench.run(state,
              [&] { bench.device().sum(parts, to.matrix(rows, 4096, kType), bench.stream()); });
    bench.report(state, static_cast<double>(from.bytes() + to.bytes()));
}

/// Rows of `ranks` ranks, the last of which has three times as many as the first, into blocks that
/// are as long as the longest: what the padded strategies do before and after they exchange.
void pad(benchmark::State& state, const Bench& bench) {
    constexpr std::int64_t kWidth = 4096;
    const auto ranks = state.range(0);
    const auto mean = kGibibyte / 2 / kWidth / ranks;
    const auto rows_of = [&](std::int64_t rank) { return mean / 2 + mean * rank / (ranks - 1); };
    const auto longest = rows_of(ranks - 1);
    const auto from = bench.random(ranks * mean * kWidth);
    const auto to = bench.random(ranks * longest * kWidth);
    const auto rows = from.matrix(ranks * mean, kWidth, kType);
    const auto blocks = to.matrix(ranks * longest, kWidth, kType);
    std::vector<Copy> copies;
    std::int64_t start = 0;
    for (std::int64_t rank = 0; rank < ranks; ++rank) {
        const auto count = rows_of(rank);
        copies.push_back({rows.slice(start, count), blocks.slice(rank * longest, count)});
        start += count;
    }
    bench.run(state, [&] { bench.device().copy_all(copies, bench.stream()); });
    bench.report(state, 2 * static_cast<double>(rows.slice(0, start).bytes()));
}

void clear(benchmark::State& state, const Bench& bench) {
    const auto to = bench.random(kGibibyte / 2);
    bench.run(state,
              [&] { bench.device().clear(to.matrix(1, kGibibyte / 2, kType), bench.stream()); });
    bench.report(state, static_cast<double>(to.bytes()));
}

/// The baseline's dp_scatter: a rank's own rows out of all of them, into an output cleared before.
void dp_scatter(benchmark::State& state, const Bench& bench) {
    constexpr std::int64_t kWidth = 4096;
    constexpr std::int64_t kRanks = 2;
    const auto rows = state.range(0);
    const auto all = bench.random(kRanks * rows * kWidth);
    const auto mine = bench.random(rows * kWidth);
    const auto own = all.matrix(kRanks * rows, kWidth, kType).slice(rows, rows);
    const auto to = mine.matrix(rows, kWidth, kType);
    bench.run(state, [&] {
        bench.device().clear(to, bench.stream());
        bench.device().copy(own, to, bench.stream());
    });
    bench.report(state, 3 * static_cast<double>(to.bytes()));
}

void swiglu(benchmark::State& state, const Bench& bench) {
    constexpr std::int64_t kRows = 65536;
    constexpr std::int64_t kWidth = 2048;
    const auto gate_up = bench.random(kRows * 2 * kWidth);
    const auto out = bench.random(kRows * kWidth);
    bench.run(state, [&] {
        cuda::launch_swiglu(gate_up.matrix(kRows, 2 * kWidth, kType),
                            out.matrix(kRows, kWidth, kType), cuda::native(bench.stream()));
    });
    bench.report(state, static_cast<double>(gate_up.bytes() + out.bytes()));
}

/// A layer of which this GPU holds `local` experts.
struct Layer {
    const char* name;
    std::int64_t hidden, experts, local;
    int top_k;
};
constexpr Layer kLayers[] = {{"qwen3.5-397b-a17b", 4096, 512, 512, 10},
                             {"qwen3.5-397b-a17b_ep8", 4096, 512, 64, 10},
                             {"qwen3-30b-a3b", 2048, 128, 128, 8}};

/// The choice of each token's experts.
class Choice {
public:
    Choice(const Bench& bench, const Layer& layer, std::int64_t rows)
        : bench_(bench),
          layer_(layer),
          rows_(rows),
          logits_(bench.upload(random_logits())),
          live_(bench.upload(std::vector<std::uint8_t>(static_cast<std::size_t>(rows), 1))),
          chosen_(bench.words(rows * layer.top_k)),
          weight_(bench.words(rows * layer.top_k)) {}

    void choose() {
        cuda::launch_topk(
            rows_,
            {logits_.as<float>(), layer_.experts, layer_.top_k, Scoring::softmax, nullptr, live()},
            routing(), cuda::native(bench_.stream()));
    }
    [[nodiscard]] const std::uint8_t* live() const { return live_.as<std::uint8_t>(); }
    [[nodiscard]] Routing routing() const {
        return {chosen_.as<std::int32_t>(), weight_.as<float>()};
    }

private:
    /// The same again from some row on: drawing them takes longer than all else.
    [[nodiscard]] std::vector<float> random_logits() const {
        constexpr std::int64_t kDistinct = 16384;
        std::mt19937 generator(2);
        std::normal_distribution<float> normal;
        std::vector<float> logits(
            static_cast<std::size_t>(std::min(rows_, kDistinct) * layer_.experts));
        for (auto& logit : logits) logit = normal(generator);
        const auto distinct = logits.size();
        logits.resize(static_cast<std::size_t>(rows_ * layer_.experts));
        for (auto i = distinct; i < logits.size(); ++i) logits[i] = logits[i - distinct];
        return logits;
    }

    const Bench& bench_;
    Layer layer_;
    std::int64_t rows_;
    Buffer logits_, live_, chosen_, weight_;
};

/// Routing, packing and the way back of `rows` tokens.
class RowPath {
public:
    RowPath(const Bench& bench, const Layer& layer, std::int64_t rows)
        : bench_(bench),
          layer_(layer),
          rows_(rows),
          capacity_(rows * std::min<std::int64_t>(layer.top_k, layer.local)),
          kernels_(
              make_cuda_layer_kernels_factory()->make(bench.device(), {.rows = rows,
                                                                       .packed_rows = capacity_,
                                                                       .hidden = layer.hidden,
                                                                       .experts = layer.experts,
                                                                       .local_experts = layer.local,
                                                                       .top_k = layer.top_k,
                                                                       .intermediate = 8,
                                                                       .wire = kType})),
          x_(bench.random(rows * layer.hidden)),
          router_(bench.random(layer.experts * layer.hidden, 1.0F / 2048)),
          packed_(bench.random(capacity_ * layer.hidden)),
          dense_(bench.random(capacity_ * layer.hidden)),
          to_(bench.random(rows * layer.hidden)),
          choice_(bench, layer, rows),
          expert_offsets_(bench.words(layer.local + 1)),
          offsets_(bench.words(rows + 1)),
          indices_(bench.words(capacity_)),
          weights_(bench.words(capacity_)) {
        choice_.choose();
        permute();
        bench.stream().synchronize();
    }

    void route() {
        kernels_->route(x(),
                        {router_.matrix(layer_.experts, layer_.hidden, kType), nullptr, nullptr,
                         choice_.live()},
                        choice_.routing(), nullptr, bench_.stream());
    }
    void permute() {
        kernels_->permute(x(), choice_.routing(), nullptr,
                          {{0, layer_.local},
                           false,
                           expert_offsets_.as<std::int32_t>(),
                           packed_.matrix(capacity_, layer_.hidden, kType),
                           combine()},
                          bench_.stream());
    }
    void weighted_sum() {
        bench_.device().weighted_sum(combine(), dense_.matrix(capacity_, layer_.hidden, kType),
                                     to_.matrix(rows_, layer_.hidden, kType), bench_.stream());
    }

    [[nodiscard]] double row_bytes() const { return kElement * static_cast<double>(layer_.hidden); }
    /// Rows that some local expert gets, and how often in all.
    struct Counts {
        double touched{}, packed{};
    };
    [[nodiscard]] Counts counts() const {
        std::vector<std::int32_t> offsets(static_cast<std::size_t>(rows_ + 1));
        bench_.device().download(offsets_.data(), reinterpret_cast<std::byte*>(offsets.data()),
                                 offsets_.bytes());
        Counts counts{0, static_cast<double>(offsets.back())};
        for (std::size_t row = 0; row + 1 < offsets.size(); ++row) {
            counts.touched += offsets[row + 1] > offsets[row] ? 1 : 0;
        }
        return counts;
    }

private:
    [[nodiscard]] Matrix x() const { return x_.matrix(rows_, layer_.hidden, kType); }
    [[nodiscard]] WeightedRows combine() const {
        return {rows_, offsets_.as<std::int32_t>(), indices_.as<std::int32_t>(),
                weights_.as<float>()};
    }

    const Bench& bench_;
    Layer layer_;
    std::int64_t rows_;
    std::int64_t capacity_;
    std::unique_ptr<LayerKernels> kernels_;
    Buffer x_, router_, packed_, dense_, to_;
    Choice choice_;
    Buffer expert_offsets_, offsets_, indices_, weights_;
};

/// The matrix product is bound by arithmetic from some hundred experts on, hence tflops.
void route(benchmark::State& state, const Bench& bench, const Layer& layer) {
    RowPath path(bench, layer, state.range(0));
    bench.run(state, [&] { path.route(); });
    const auto rows = static_cast<double>(state.range(0));
    const auto experts = static_cast<double>(layer.experts);
    bench.report(state, rows * path.row_bytes() + experts * path.row_bytes(),
                 rows * experts * path.row_bytes());
}

void choose(benchmark::State& state, const Bench& bench, const Layer& layer) {
    Choice choice(bench, layer, state.range(0));
    bench.run(state, [&] { choice.choose(); });
    const auto words = static_cast<double>(layer.experts) + 2.0 * layer.top_k;
    bench.report(state, static_cast<double>(state.range(0)) * words * double{kWord});
}

void permute(benchmark::State& state, const Bench& bench, const Layer& layer) {
    RowPath path(bench, layer, state.range(0));
    bench.run(state, [&] { path.permute(); });
    const auto counts = path.counts();
    bench.report(state, (counts.touched + counts.packed) * path.row_bytes());
}

void weighted_sum(benchmark::State& state, const Bench& bench, const Layer& layer) {
    RowPath path(bench, layer, state.range(0));
    bench.run(state, [&] { path.weighted_sum(); });
    bench.report(state,
                 (path.counts().packed + static_cast<double>(state.range(0))) * path.row_bytes());
}

/// Weights of a layer's experts, read once, are the floor with few rows; arithmetic with many.
struct Experts {
    std::int64_t count, hidden, intermediate;
};
constexpr Experts kExperts[] = {{64, 4096, 1024}, {128, 2048, 768}};

void experts(benchmark::State& state, const Bench& bench, const Experts& size) {
    const auto rows = size.count * state.range(0);
    const auto kernels =
        make_cuda_layer_kernels_factory()->make(bench.device(), {.rows = rows,
                                                                 .packed_rows = rows,
                                                                 .hidden = size.hidden,
                                                                 .experts = size.count,
                                                                 .local_experts = size.count,
                                                                 .top_k = 1,
                                                                 .intermediate = size.intermediate,
                                                                 .wire = kType});
    const auto mlp = size.count * size.hidden * size.intermediate;
    const auto x = bench.random(rows * size.hidden);
    const auto out = bench.random(rows * size.hidden);
    const auto gate_up = bench.random(2 * mlp, 1.0F / 2048);
    const auto down = bench.random(mlp, 1.0F / 1024);
    std::vector<std::int32_t> offsets;
    for (std::int64_t e = 0; e <= size.count; ++e) {
        offsets.push_back(static_cast<std::int32_t>(e * state.range(0)));
    }
    const auto on_device = bench.upload(offsets);
    bench.run(state, [&] {
        kernels->experts(x.matrix(rows, size.hidden, kType), on_device.as<std::int32_t>(),
                         size.count, {gate_up.data(), down.data(), size.intermediate},
                         out.matrix(rows, size.hidden, kType), bench.stream());
    });
    bench.report(state,
                 3 * static_cast<double>(mlp) * kElement + 2 * static_cast<double>(x.bytes()),
                 6 * static_cast<double>(rows * size.hidden * size.intermediate));
}

template <class Function>
benchmark::internal::Benchmark* add(const std::string& name, Function&& function) {
    return benchmark::RegisterBenchmark(name.c_str(), function)
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
}

void register_all(const Bench& bench) {
    add("pad", [&](auto& state) { pad(state, bench); })->Arg(2)->Arg(8)->Arg(64);
    add("clear", [&](auto& state) { clear(state, bench); });
    add("dp_scatter", [&](auto& state) { dp_scatter(state, bench); })
        ->Arg(8)
        ->Arg(2048)
        ->Arg(65536);
    add("sum", [&](auto& state) { sum_rows(state, bench); })->Arg(2)->Arg(8);
    add("swiglu", [&](auto& state) { swiglu(state, bench); });
    constexpr std::int64_t kDecode = 256;
    constexpr std::int64_t kPrefill = 16384;
    constexpr std::int64_t kGathered = 8 * kPrefill;  // what eight ranks' prefill is to each
    constexpr std::int64_t kMany = 8 * kGathered;     // a launch takes no time beside them
    for (const auto& layer : kLayers) {
        const auto each = [&](const char* kernel, auto function) {
            return add(fmt::format("{}/{}", kernel, layer.name),
                       [&bench, &layer, function](auto& state) { function(state, bench, layer); })
                ->Arg(kDecode)
                ->Arg(kPrefill)
                ->Arg(kGathered);
        };
        each("route", route);
        each("choose", choose)->Arg(kMany);
        each("permute", permute);
        each("weighted_sum", weighted_sum);
    }
    for (const auto& size : kExperts) {
        add(fmt::format("experts/{}x{}x{}", size.count, size.hidden, size.intermediate),
            [&bench, &size](auto& state) { experts(state, bench, size); })
            ->Arg(16)
            ->Arg(256)
            ->Arg(1024);
    }
}

}  // namespace
}  // namespace moe

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    try {
        const moe::Bench bench;
        fmt::print("{}: a copy reads and writes {:.0f} GB/s\n", bench.device().name(),
                   bench.copy_bandwidth() * 1e-9);
        moe::register_all(bench);
        benchmark::RunSpecifiedBenchmarks();
        benchmark::ClearRegisteredBenchmarks();
    } catch (const moe::BadArgument& error) {
        fmt::print(stderr, "bench_kernels_cuda: {}\n", error.what());
        return 2;
    } catch (const moe::Error& error) {
        fmt::print(stderr, "bench_kernels_cuda: {}\n", error.what());
        return 3;
    }
    return 0;
}
