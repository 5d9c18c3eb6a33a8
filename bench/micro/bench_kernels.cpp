// Each host kernel on one core against its floor: the bytes it must move at the bandwidth that a
// plain copy of the same size reaches in the same run. Counters: `of_copy` is the share of that
// floor reached (1 = as fast as the copy), `gflops` what the GEMMs do.
#include "kernels/host/host_device.hpp"
#include "kernels/host/host_layer_kernels.hpp"
#include "kernels/host/peer_kernels.hpp"
#include "kernels/host/row_ops.hpp"
#include "kernels/host/swiglu.hpp"
#include "kernels/runtime/layer_kernels.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

namespace moe {
namespace {

constexpr std::int64_t kHidden = 2048;
constexpr std::int64_t kRows = 4096;  // 16 MiB of bf16, 32 of f32: beyond a core's own caches
constexpr int kTopK = 8;
constexpr std::int64_t kExperts = 64;

/// Bytes read and written by a copy of `bytes`, per second: the best of a few, since a floor that a
/// busy machine raises is none.
double copy_bandwidth(std::size_t bytes) {
    std::vector<std::byte> from(bytes), to(bytes);
    double best = 0;
    for (int i = 0; i < 10; ++i) {
        const auto start = std::chrono::steady_clock::now();
        std::memcpy(to.data(), from.data(), bytes);
        benchmark::DoNotOptimize(to.data());
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        best = std::max(best, 2 * static_cast<double>(bytes) / took.count());
    }
    return best;
}

/// Counters of a kernel that reads and writes `bytes` in each iteration.
void report_bytes(benchmark::State& state, double bytes) {
    static const double bandwidth = copy_bandwidth(std::size_t{64} << 20U);
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
    state.counters["of_copy"] =
        benchmark::Counter(bytes / bandwidth, benchmark::Counter::kIsIterationInvariantRate);
}

template <class T>
void add_rows(benchmark::State& state) {
    std::vector<T> from(kRows * kHidden), to(kRows * kHidden);
    for (auto _ : state) {
        add_into(from.data(), to.data(), kRows * kHidden);
        benchmark::DoNotOptimize(to.data());
    }
    report_bytes(state, 3.0 * sizeof(T) * kRows * kHidden);
}
BENCHMARK(add_rows<float>)->Name("add_f32");
BENCHMARK(add_rows<BFloat16>)->Name("add_bf16");
BENCHMARK(add_rows<Float16>)->Name("add_f16");

/// The sum of range(0) matrices of one shape, as reduce_scatterv_alltoallv ends with.
template <DType kDType>
void sum_rows(benchmark::State& state) {
    const auto device = make_host_device();
    const auto stream = device->make_stream();
    const auto operands = state.range(0);
    const auto bytes = static_cast<std::size_t>(kRows * kHidden) * size_of(kDType);
    std::vector<std::byte> from(static_cast<std::size_t>(operands) * bytes), to(bytes);
    const Matrix all{from.data(), operands * kRows, kHidden, kDType};
    std::vector<Matrix> parts;
    for (std::int64_t i = 0; i < operands; ++i) parts.push_back(all.slice(i * kRows, kRows));
    for (auto _ : state) {
        device->sum(parts, {to.data(), kRows, kHidden, kDType}, *stream);
        benchmark::DoNotOptimize(to.data());
    }
    report_bytes(state, static_cast<double>(from.size() + to.size()));
}
BENCHMARK(sum_rows<DType::f32>)->Name("sum_f32")->Arg(2)->Arg(8);
BENCHMARK(sum_rows<DType::bf16>)->Name("sum_bf16")->Arg(2)->Arg(8);
BENCHMARK(sum_rows<DType::f16>)->Name("sum_f16")->Arg(2)->Arg(8);

/// The epilogue of an output step, with memory for it.
struct Norm {
    explicit Norm(DType dtype) {
        const auto matrix = [&](std::vector<std::byte>& buffer, std::int64_t rows) {
            buffer.resize(static_cast<std::size_t>(rows * kHidden) * size_of(dtype));
            return Matrix{buffer.data(), rows, kHidden, dtype};
        };
        operands = {.rows = matrix(x, kRows),
                    .residual = matrix(r, kRows),
                    .weight = matrix(g, 1),
                    .eps = 1e-6F,
                    .hidden = matrix(h, kRows),
                    .normed = matrix(y, kRows)};
    }

    std::vector<std::byte> x, r, g, h, y;
    ResidualNorm operands;
};

/// Two matrices read, two written.
template <DType kDType>
void residual_norm(benchmark::State& state) {
    const auto device = make_host_device();
    const auto stream = device->make_stream();
    Norm norm(kDType);
    for (auto _ : state) {
        device->residual_norm(norm.operands, *stream);
        benchmark::DoNotOptimize(norm.y.data());
    }
    report_bytes(state, static_cast<double>(4 * norm.x.size()));
}
BENCHMARK(residual_norm<DType::f32>)->Name("residual_norm_f32");
BENCHMARK(residual_norm<DType::bf16>)->Name("residual_norm_bf16");
BENCHMARK(residual_norm<DType::f16>)->Name("residual_norm_f16");

/// Bytes a second of a plain loop that reads `streams` streams of f32 and writes their sum: the
/// best of a few.
double read_and_sum_bandwidth(std::size_t streams, std::size_t bytes) {
    const auto count = bytes / sizeof(float);
    std::vector<std::vector<float>> from(streams, std::vector<float>(count, 0.5F));
    std::vector<float> to(count);
    double best = 0;
    for (int i = 0; i < 10; ++i) {
        const auto start = std::chrono::steady_clock::now();
        if (streams == 2) {
            for (std::size_t at = 0; at < count; ++at) to[at] = from[0][at] + from[1][at];
        } else {
            for (std::size_t at = 0; at < count; ++at) {
                float sum = 0;
                for (const auto& source : from) sum += source[at];
                to[at] = sum;
            }
        }
        benchmark::DoNotOptimize(to.data());
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        best = std::max(best, static_cast<double>((streams + 1) * bytes) / took.count());
    }
    return best;
}

/// One rank's part of reduce_scatterv_peer among range(0) ranks of which the others have come
/// already: `of_read_and_sum` is its share of a plain loop over as many bytes. With the epilogue in
/// it, if kNormed, one matrix more is read and two more are written.
template <DType kDType, bool kNormed = false>
void pull(benchmark::State& state) {
    const auto device = make_host_device();
    const auto stream = device->make_stream();
    const auto kernels = make_host_peer_kernels([] {});
    const auto ranks = static_cast<std::size_t>(state.range(0));
    const auto bytes = static_cast<std::size_t>(kRows * kHidden) * size_of(kDType);
    std::vector<std::vector<std::byte>> blocks(ranks, std::vector<std::byte>(bytes));
    std::vector<std::uint32_t> epochs(ranks, std::uint32_t{1} << 30U);
    epochs.front() = 0;
    std::vector<std::byte*> data;
    std::vector<std::uint32_t*> flags;
    for (auto& block : blocks) data.push_back(block.data());
    for (auto& epoch : epochs) flags.push_back(&epoch);
    Norm norm(kDType);
    const PeerTable table{.data = data, .flags = flags, .rank = 0};
    for (auto _ : state) {
        kernels->pull_sum(table,
                          {.rows = norm.operands.rows,
                           .offset = 0,
                           .most_rows = kRows,
                           .norm = kNormed ? &norm.operands : nullptr},
                          *stream);
        benchmark::DoNotOptimize(norm.x.data());
    }
    const auto moved = static_cast<double>((ranks + (kNormed ? 4 : 1)) * bytes);
    static const double bandwidth = read_and_sum_bandwidth(ranks, bytes);
    state.SetBytesProcessed(static_cast<std::int64_t>(moved) * state.iterations());
    state.counters["of_read_and_sum"] =
        benchmark::Counter(moved / bandwidth, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(pull<DType::f32>)->Name("pull_f32")->Arg(2);
BENCHMARK(pull<DType::bf16>)->Name("pull_bf16")->Arg(2);
BENCHMARK(pull<DType::f16>)->Name("pull_f16")->Arg(2);
BENCHMARK(pull<DType::f32, true>)->Name("pull_norm_f32")->Arg(2);
BENCHMARK(pull<DType::bf16, true>)->Name("pull_norm_bf16")->Arg(2);
BENCHMARK(pull<DType::f16, true>)->Name("pull_norm_f16")->Arg(2);

void copy_rows(benchmark::State& state) {
    std::vector<float> from(kRows * kHidden), to(kRows * kHidden);
    for (auto _ : state) {
        std::memcpy(to.data(), from.data(), from.size() * sizeof(float));
        benchmark::DoNotOptimize(to.data());
    }
    report_bytes(state, 2.0 * sizeof(float) * kRows * kHidden);
}
BENCHMARK(copy_rows)->Name("copy");

void activate(benchmark::State& state) {
    constexpr std::int64_t kIntermediate = 768;
    const std::vector<float> fresh(kRows * 2 * kIntermediate, 0.5F);
    auto rows = fresh;
    for (auto _ : state) {
        state.PauseTiming();  // in place, its own output would shrink to denormals
        rows = fresh;
        state.ResumeTiming();
        swiglu(rows.data(), kRows, kIntermediate);
        benchmark::DoNotOptimize(rows.data());
    }
    report_bytes(state, 3.0 * sizeof(float) * kRows * kIntermediate);
}
BENCHMARK(activate)->Name("swiglu");

/// A layer's kernels on one rank that holds all experts, with every token's choices spread evenly.
class LayerFixture : public benchmark::Fixture {
public:
    void SetUp(const benchmark::State& state) override {
        intermediate_ = 768;
        rows_ = state.range(0);
        const LayerDims dims{.rows = rows_,
                             .permuted_rows = rows_ * kTopK,
                             .hidden = kHidden,
                             .experts = kExperts,
                             .local_experts = kExperts,
                             .top_k = kTopK,
                             .intermediate = intermediate_,
                             .wire = DType::bf16};
        kernels_ = make_host_layer_kernels_factory()->make(*device_, dims);
        const auto count = static_cast<std::size_t>(rows_ * kTopK);
        x_.assign(static_cast<std::size_t>(rows_ * kHidden), BFloat16(0.5F));
        partial_ = x_;
        chosen_.resize(count);
        for (std::size_t i = 0; i < count; ++i)
            chosen_[i] = static_cast<std::int32_t>(i % kExperts);
        weight_.assign(count, 0.125F);
        permuted_.assign(count * kHidden, 0.5F);
        dense_ = permuted_;
        expert_offsets_.resize(kExperts + 1);
        csr_offsets_.resize(static_cast<std::size_t>(rows_ + 1));
        csr_indices_.resize(count);
        csr_weights_.resize(count);
        permute();
    }

protected:
    static Matrix view(std::vector<float>& v) {
        return {reinterpret_cast<std::byte*>(v.data()),
                static_cast<std::int64_t>(v.size()) / kHidden, kHidden, DType::f32};
    }
    static Matrix view(std::vector<BFloat16>& v) {
        return {reinterpret_cast<std::byte*>(v.data()),
                static_cast<std::int64_t>(v.size()) / kHidden, kHidden, DType::bf16};
    }
    WeightedRows combine() {
        return {rows_, csr_offsets_.data(), csr_indices_.data(), csr_weights_.data()};
    }
    void permute() {
        kernels_->permute(
            view(x_), {chosen_.data(), weight_.data()}, nullptr,
            {{0, kExperts}, false, expert_offsets_.data(), view(permuted_), combine()}, *stream_);
    }
    [[nodiscard]] double assigned() const { return static_cast<double>(rows_ * kTopK); }

    std::unique_ptr<Device> device_ = make_host_device();
    std::unique_ptr<Stream> stream_ = device_->make_stream();
    std::unique_ptr<LayerKernels> kernels_;
    std::int64_t rows_{}, intermediate_{};
    std::vector<BFloat16> x_, partial_;
    std::vector<std::int32_t> chosen_, expert_offsets_, csr_offsets_, csr_indices_;
    std::vector<float> weight_, permuted_, dense_, csr_weights_;
};

BENCHMARK_DEFINE_F(LayerFixture, permute)(benchmark::State& state) {
    for (auto _ : state) permute();
    report_bytes(state, assigned() * kHidden * (sizeof(BFloat16) + sizeof(float)));
}
BENCHMARK_REGISTER_F(LayerFixture, permute)->Arg(1024);

BENCHMARK_DEFINE_F(LayerFixture, weighted_sum)(benchmark::State& state) {
    for (auto _ : state) device_->weighted_sum(combine(), view(dense_), view(partial_), *stream_);
    report_bytes(state, assigned() * kHidden * sizeof(float) +
                            static_cast<double>(rows_) * kHidden * sizeof(BFloat16));
}
BENCHMARK_REGISTER_F(LayerFixture, weighted_sum)->Arg(1024);

/// From one row for each expert, where reading the weights is all, to where arithmetic is.
BENCHMARK_DEFINE_F(LayerFixture, experts)(benchmark::State& state) {
    const auto each = 3 * kHidden * intermediate_;
    std::vector<float> weights(static_cast<std::size_t>(kExperts * each), 0.01F);
    const auto* base = reinterpret_cast<const std::byte*>(weights.data());
    MlpWeights mlp{base, base, intermediate_};
    mlp.down = base + static_cast<std::size_t>(kExperts * mlp.gate_up_stride(kHidden)) * 4;
    for (auto _ : state) {
        kernels_->experts({view(permuted_), expert_offsets_.data(), kExperts, mlp, view(dense_)},
                          *stream_);
    }
    report_bytes(state, static_cast<double>(kExperts * each) * sizeof(float));
    state.counters["gflops"] = benchmark::Counter(2e-9 * assigned() * static_cast<double>(each),
                                                  benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK_REGISTER_F(LayerFixture, experts)->Arg(8)->Arg(16)->Arg(64)->Arg(512);

}  // namespace
}  // namespace moe

BENCHMARK_MAIN();
