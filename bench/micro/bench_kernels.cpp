// Each host kernel on one core against its floor: the bytes it must move at the bandwidth that a
// plain copy of the same size reaches in the same run. Counters: `of_copy` is the share of that
// floor reached (1 = as fast as the copy), `gflops` what the GEMMs do.
#include "bench/micro/copy_floor.hpp"
#include "bench/micro/residual_norm_operands.hpp"
#include "kernels/host/host_device.hpp"
#include "kernels/host/host_layer_kernels.hpp"
#include "kernels/host/row_ops.hpp"
#include "kernels/host/swiglu.hpp"
#include "kernels/runtime/layer_kernels.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
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

/// The epilogue of an output step.
template <DType kDType>
void residual_norm(benchmark::State& state) {
    const auto device = make_host_device();
    const auto stream = device->make_stream();
    Matrix all{nullptr, residual_norm_rows(kRows), kHidden, kDType};
    std::vector<std::byte> memory(all.bytes());
    all.data = memory.data();
    const auto norm = residual_norm_in(all, kRows);
    for (auto _ : state) {
        device->residual_norm(norm, *stream);
        benchmark::DoNotOptimize(norm.normed.data);
    }
    report_bytes(state, residual_norm_bytes(norm));
}
BENCHMARK(residual_norm<DType::f32>)->Name("residual_norm_f32");
BENCHMARK(residual_norm<DType::bf16>)->Name("residual_norm_bf16");
BENCHMARK(residual_norm<DType::f16>)->Name("residual_norm_f16");

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
